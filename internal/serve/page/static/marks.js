// What a person draws in a picture for a class, before the server has it. Every state of a
// drawing can be gone back to. Drawings are kept in the browser until they are saved, so a
// page that is loaded again has them.
//
// A state is {kind, strokes}. Of kind "marks" the strokes are all there is to a support. Of
// kind "mask" they are painted on the mask that is there: a correction.

import { changed, key, project, supportOf, view } from './store.js';

const drafts = new Map(); // key(image, class) → {states, at}
const place = at => `hdmnet ${project.name} ${at}`;
const longest = 400000; // characters of the history that the browser keeps

function draft(image, klass) {
  if (!project.loaded) return null; // its name is not known yet
  const at = key(image, klass);
  if (!drafts.has(at)) {
    let found = null;
    try {
      found = JSON.parse(localStorage.getItem(place(at)));
    } catch { /* of another version, or storage is off */ }
    drafts.set(at, found?.states?.[found.at] ? found : null);
  }
  return drafts.get(at);
}

function keep(image, klass, value) {
  const at = key(image, klass);
  drafts.set(at, value);
  try {
    if (!value) {
      localStorage.removeItem(place(at));
    } else {
      const all = JSON.stringify(value);
      localStorage.setItem(place(at), all.length <= longest ? all : JSON.stringify({ states: [value.states[value.at]], at: 0 }));
    }
  } catch { /* storage is full or off: the drawing is in memory */ }
  changed('marks');
}

// saved is the state that the server has: the strokes of a support, if it was drawn.
function saved(image, klass) {
  const strokes = supportOf(image, klass)?.strokes;
  return strokes ? { kind: 'marks', strokes } : { kind: 'mask', strokes: [] };
}

// state is what is drawn, or else what the server has.
export function state(image = view.image, klass = view.klass) {
  const found = draft(image, klass);
  return found?.at > 0 ? found.states[found.at] : saved(image, klass);
}

// unsaved tells whether there is something that the server does not have.
export function unsaved(image = view.image, klass = view.klass) {
  const found = draft(image, klass);
  return !!found && found.at > 0;
}

function push(next) {
  const found = draft(view.image, view.klass) ?? { states: [saved(view.image, view.klass)], at: 0 };
  const states = found.states.slice(0, found.at + 1).concat(next);
  keep(view.image, view.klass, { states, at: states.length - 1 });
}

// add draws a stroke. Brushes change the mask that is there, if there is one; everything
// else says anew what the object is.
export function add(stroke, hasMask) {
  const now = state();
  const brush = stroke.tool === 'brush';
  if (now.kind === 'mask' && !(brush && hasMask)) push({ kind: 'marks', strokes: [stroke] });
  else push({ kind: now.kind, strokes: now.strokes.concat(stroke) });
}

export function clear() {
  if (state().strokes.length) push({ kind: state().kind, strokes: [] });
}

function go(step) {
  const found = draft(view.image, view.klass);
  if (!found?.states[found.at + step]) return;
  keep(view.image, view.klass, { states: found.states, at: found.at + step });
}

// rewind goes back to what the server has; redo brings the drawing back.
export const rewind = () => go(-(draft(view.image, view.klass)?.at ?? 0));
export const undo = () => go(-1);
export const redo = () => go(1);
export const canUndo = () => (draft(view.image, view.klass)?.at ?? 0) > 0;
export function canRedo() {
  const found = draft(view.image, view.klass);
  return !!found && found.at < found.states.length - 1;
}

// forget drops what was drawn: the server has it.
export const forget = (image, klass) => keep(image, klass, null);
