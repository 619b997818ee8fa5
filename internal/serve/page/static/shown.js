// Which masks the canvas shows: of all classes, and on top what is being marked.

import { told } from './dom.js';
import { exact } from './exact.js';
import * as marks from './marks.js';
import { brush } from './pixels.js';
import { onPreview, preview, want } from './preview.js';
import { compose, layers } from './probabilities.js';
import { complain, say } from './say.js';
import { changed, currentImage, maskOf, on, project, supportOf, view } from './store.js';

// base holds the classes [h,w] of the pixels, 0 for none; top the mask [h,w] that is being
// marked. Their sizes may differ from each other's and from the picture's.
export const shown = { base: null, top: null, loading: false };

let turn = 0;
let work = { from: null, strokes: [], mask: null, w: 0, h: 0 };

// hasMask tells whether there is a mask that a brush can correct.
export function hasMask(image = view.image, klass = view.klass) {
  return !!supportOf(image, klass) || !!maskOf(image, klass);
}

async function refresh() {
  const mine = ++turn;
  const image = currentImage();
  if (!image) {
    Object.assign(shown, { base: null, top: null, loading: false });
    want(null, []);
    changed('shown');
    return;
  }
  const drawn = marks.state(), unsaved = marks.unsaved();
  const marking = unsaved && drawn.kind === 'marks';
  want(image.id, marking ? drawn.strokes : []);
  shown.loading = true;
  try {
    const top = marking ? preview().mask : unsaved ? await corrected(image.id, drawn.strokes) : null;
    const base = view.sliding === null ? await settled(image, unsaved) : await sliding(image, unsaved);
    if (mine !== turn) return;
    Object.assign(shown, { base, top: marking ? preview().mask : top });
  } catch (error) {
    if (mine !== turn) return;
    Object.assign(shown, { base: null, top: null });
    complain(error);
  }
  shown.loading = false;
  changed('shown');
}

// corrected is the mask that is there with the strokes of a correction on it.
async function corrected(image, strokes) {
  if (!hasMask()) return null;
  const from = await exact(image, view.klass);
  const known = work.from === from.mask && work.strokes.every((stroke, i) => stroke === strokes[i]);
  if (!known) work = { from: from.mask, strokes: [], mask: from.mask.slice(), w: from.w, h: from.h };
  for (const stroke of strokes.slice(work.strokes.length)) brush(work.mask, work.w, work.h, stroke);
  work.strokes = strokes;
  return { mask: work.mask, w: work.w, h: work.h };
}

// settled are the masks as the server has them.
async function settled(image, withoutCurrent) {
  const classes = project.classes.filter(({ id }) => {
    if (id === view.klass) return !withoutCurrent && hasMask(image.id, id);
    return supportOf(image.id, id) || (maskOf(image.id, id) && maskOf(image.id, id).status !== 'rejected');
  });
  const all = await Promise.all(classes.map(({ id }) => exact(image.id, id)));
  if (!all.length) return null;
  const { w, h } = all[0];
  const labels = new Uint16Array(w * h);
  for (const [i, { mask }] of all.entries()) {
    for (let p = 0; p < mask.length; p++) if (mask[p]) labels[p] = classes[i].id;
  }
  return { labels, w, h };
}

// sliding are the masks while a threshold is moved: finer ones come when it is let go.
async function sliding(image, withoutCurrent) {
  const all = (await layers(image)).filter(layer => !withoutCurrent || layer.klass !== view.klass);
  const scale = Math.min(1, 1024 / Math.max(image.width, image.height));
  const w = Math.max(1, Math.round(image.width * scale)), h = Math.max(1, Math.round(image.height * scale));
  return { labels: compose(all, w, h), w, h };
}

// current is the mask {mask, w, h} of the class that is looked at, as it is shown.
export function current() {
  if (shown.top) return shown.top;
  if (!shown.base) return null;
  const mask = new Uint8Array(shown.base.labels.length);
  for (let p = 0; p < mask.length; p++) mask[p] = shown.base.labels[p] === view.klass ? 1 : 0;
  return { mask, w: shown.base.w, h: shown.base.h };
}

onPreview(() => {
  if (preview().error) say(told(preview().error), true); // the line below the picture shows it
  refresh();
});
on('selection masks supports classes threshold marks', refresh);
