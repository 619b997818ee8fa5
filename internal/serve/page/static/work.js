// Around the canvas: the picture's name, the tools, what to do next.

import * as actions from './actions.js';
import { $, el, iconButton, told } from './dom.js';
import { left, run, start } from './jobs.js';
import * as marks from './marks.js';
import { following, listed, neighbor } from './order.js';
import { ask } from './say.js';
import { preview } from './preview.js';
import { changed, currentClass, currentImage, failures, maskOf, on, project, select, view } from './store.js';
import { hasWidth, strokeWidth, tools } from './tools.js';

export function choose(id) {
  view.tool = id;
  changed('tool');
}

export function step(by) {
  const id = neighbor(by);
  if (id) select(id);
}

// widen makes brushes and scribbles wider by a factor.
export function widen(factor) {
  view.width = Math.min(0.25, Math.max(0.002, view.width * factor));
  changed('tool');
}

function toolbar() {
  const bar = $('tools');
  if (!bar.children.length) {
    for (const tool of tools) {
      if (['box', 'scribble', 'polygon', 'brush', 'hand'].includes(tool.id)) bar.append(el('hr'));
      bar.append(iconButton(tool.icon, tool.label, tool.key, () => choose(tool.id), { 'data-tool': tool.id }));
    }
    bar.append(el('hr'),
      iconButton('undo', 'Undo', 'Ctrl+Z', marks.undo, { id: 'undo' }),
      iconButton('redo', 'Redo', 'Ctrl+Shift+Z', marks.redo, { id: 'redo' }),
      iconButton('clear', 'Remove all marks', 'Backspace', marks.clear, { id: 'clear' }));
  }
  for (const tool of tools) bar.querySelector(`[data-tool="${tool.id}"]`).setAttribute('aria-pressed', view.tool === tool.id);
  $('undo').disabled = !marks.canUndo();
  $('redo').disabled = !marks.canRedo();
  $('clear').disabled = !marks.state().strokes.length;
  const image = currentImage();
  $('width-box').hidden = !hasWidth() || !image;
  if (!image) return;
  $('width').value = Math.round(100 * Math.log(view.width / 0.002) / Math.log(125));
  $('width-text').textContent = `${strokeWidth(image)} px`;
}

const verdicts = {
  accepted: 'Accepted', rejected: 'Rejected', stale: 'Found before the last change', proposed: 'Proposed', support: 'Support: shows the others what to look for',
};

function head() {
  const image = currentImage(), klass = currentClass(), all = listed();
  $('head').hidden = !image;
  if (!image) return;
  const at = all.indexOf(image.id);
  $('canvas').setAttribute('aria-label', `Picture ${image.name}`);
  $('title').textContent = $('title').title = image.name;
  $('size').textContent = `${image.width} × ${image.height}`;
  $('previous').disabled = at === 0;
  $('next').disabled = at === all.length - 1;
  const now = actions.situation(), mask = klass && maskOf(image.id, klass.id);
  $('verdict').className = `verdict ${now}`;
  const sure = mask && !mask.corrected && now in verdicts && now !== 'support' ? `, ${Math.round(100 * (mask.confidence ?? 0))} % sure` : '';
  const by = mask?.corrected && now === 'accepted' ? ', corrected by hand' : '';
  $('verdict').textContent = (verdicts[now] ?? '') + sure + by;
}

const action = (label, key, onclick, primary = false) => el('button', { type: 'button', class: primary ? 'primary' : null, onclick }, label, key ? el('kbd', { 'aria-hidden': 'true' }, key) : null);

// Each situation with what to do in it, and the buttons for that; the last one is Enter's.
function advice() {
  const name = currentClass()?.name ?? 'the object';
  const accept = action('Accept', 'Y', actions.accept, true);
  const reject = action('Reject', 'N', () => actions.judge('rejected'));
  const use = action('Use as support', 'U', actions.useAsSupport);
  const discard = action('Discard', 'Esc', marks.rewind);
  const failed = failures.get(view.image);
  if (failed && ['unseen', 'blank', 'stale'].includes(actions.situation())) return [told(failed), []];
  const mask = maskOf(view.image, view.klass);
  const revert = mask?.corrected ? [action('Undo the correction', '', actions.revert)] : [];
  const open = following('open');
  const onwards = open ? [action('Next open one', 'Enter', () => select(open), true)] : [];
  switch (actions.situation()) {
    case 'unnamed':
      return ['Click on an object to mark it, or name on the left what you look for.', []];
    case 'blank':
      return [`Mark one <${name}>: click on it. Shift+click says what does not belong to it. Box, scribble, polygon and brush do it too.`, []];
    case 'marking':
      return [preview().waiting ? 'Looking…' : `Is all of <${name}> colored? If not, click on what is missing, Shift+click on what is too much.`,
        [discard, action('Save as support', 'Enter', actions.save, true)]];
    case 'misunderstood':
      return [told(preview().error), [discard]];
    case 'emptied':
      return [`No marks are left of <${name}>. Save to remove it as a support.`, [discard, action('Save', 'Enter', actions.save, true)]];
    case 'correcting':
      return ['Paint what is missing with the brush, erase what is too much.', [discard, action('Save the correction', 'Enter', actions.save, true)]];
    case 'support':
      if (!run && left([view.klass]).length) {
        return [`This picture shows what <${name}> is. Find it in the others now, or mark another one before.`, [action('Find in the others', 'Enter', () => start([view.klass]), true)]];
      }
      return [`This picture shows the others what <${name}> is. More marks make it better.`, onwards];
    case 'unseen':
      return [`Not searched for <${name}> yet. Press R to find it in all pictures.`, []];
    case 'accepted':
      return ['Accepted. Brush and eraser correct it.', [...revert, use, action('Open again', 'Y', () => actions.judge('accepted')), ...onwards]];
    case 'rejected':
      return ['Rejected: it is not exported. Mark it by hand to make it a support.', [action('Open again', 'N', () => actions.judge('rejected')), ...onwards]];
    case 'stale':
    case 'proposed':
      return [`Is this <${name}>? Correct it with brush and eraser.`, [use, reject, accept]];
    default:
      return ['', []];
  }
}

let primary = null;

// enter does what the colored button does.
export const enter = () => primary?.click();

function footer() {
  const [text, buttons] = advice();
  const parts = text.split(/<([^>]*)>/);
  $('hint').replaceChildren(...parts.map((part, i) => (i % 2 ? el('b', {}, part) : part)));
  const focused = $('buttons').contains(document.activeElement);
  $('buttons').replaceChildren(...buttons);
  for (const button of buttons) button.disabled = actions.isBusy();
  primary = buttons.find(button => button.classList.contains('primary')) ?? null;
  if (focused) (primary ?? $('canvas')).focus();
}

function empty() {
  const none = !currentImage();
  $('empty').hidden = !none;
  if (!none) return;
  if (!project.loaded) {
    $('empty').replaceChildren(el('div', { class: 'spin' }), el('p', {}, 'Loading the project…'));
    return;
  }
  $('empty').replaceChildren(
    el('h2', {}, 'Show one, get all the others'),
    el('p', {}, 'Add a few pictures, mark an object in one of them, and hdmnet finds it in the others.'),
    el('div', { class: 'row' }, el('button', { type: 'button', class: 'primary', onclick: () => $('add').click() }, 'Add pictures')),
    el('p', {}, 'Or drop files or a folder anywhere on this page.'));
}

export function setUp() {
  $('previous').onclick = () => step(-1);
  $('next').onclick = () => step(1);
  $('previous').title = 'Previous picture (Page Up)';
  $('next').title = 'Next picture (Page Down)';
  $('remove').title = 'Remove this picture from the project';
  $('remove').onclick = async () => {
    const image = currentImage();
    if (await ask(`Remove ${image.name}?`, 'Its masks and marks are removed from the project. A file in a folder of the server stays where it is.', 'Remove')) actions.removeImage(image.id);
  };
  $('width').oninput = () => {
    view.width = 0.002 * 125 ** (Number($('width').value) / 100);
    changed('tool');
  };
  on('tool marks selection images', toolbar);
  on('selection images masks supports marks classes grid', head);
  on('selection images masks supports marks classes shown hint tool jobs', footer);
  on('selection images', empty);
  toolbar();
  empty();
  head();
}
