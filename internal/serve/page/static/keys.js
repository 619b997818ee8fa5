// Keys for everything. The table is also the list that "?" shows.

import * as actions from './actions.js';
import { fit, zoom } from './camera.js';
import { rename } from './classes.js';
import { $, el } from './dom.js';
import * as jobs from './jobs.js';
import * as marks from './marks.js';
import { project, select, view } from './store.js';
import { tools } from './tools.js';
import { choose, enter, step, widen } from './work.js';

const click = id => () => $(id).click();

function chooseClass(event) {
  const klass = project.classes[Number(event.key) - 1];
  if (klass) select(view.image, klass.id);
}

// Each line: keys as they are written, what they do, the function.
const groups = [
  ['Mark', tools.map(tool => [tool.key, tool.label, () => choose(tool.id)])],
  ['On the canvas', [
    ['Arrows', 'Move the pen; Shift: far, Alt: one pixel'],
    ['Space', 'Put the pen down or lift it: a mark'],
    ['Enter', 'Close the polygon'],
    ['Shift+Click', 'Mark the background instead'],
    ['Wheel', 'Zoom; middle button: move the picture'],
  ]],
  ['Drawing', [
    ['Ctrl+Z', 'Undo', marks.undo],
    ['Ctrl+Shift+Z', 'Redo', marks.redo],
    ['Ctrl+Y', 'Redo', marks.redo],
    ['Backspace', 'Remove all marks', marks.clear],
    ['[', 'Narrower brush', () => widen(1 / 1.25)],
    [']', 'Wider brush', () => widen(1.25)],
    ['Escape', 'Discard what is not saved; redo brings it back', marks.rewind],
  ]],
  ['Decide', [
    ['Enter', 'What the colored button says', enter],
    ['Y', 'Accept, and on to the next', actions.accept],
    ['N', 'Reject, and on to the next', () => actions.judge('rejected')],
    ['U', 'Use as support', actions.useAsSupport],
    ['Shift+Y', 'Accept all open masks', click('accept-all')],
  ]],
  ['Go', [
    ['PageDown', 'Next picture', () => step(1)],
    ['PageUp', 'Previous picture', () => step(-1)],
    ['L', 'To the list of pictures', () => $('grid').querySelector('[tabindex="0"]')?.focus()],
    ['C', 'To the canvas', () => $('canvas').focus()],
    ['+', 'Zoom in', () => zoom(1.4)],
    ['-', 'Zoom out', () => zoom(1 / 1.4)],
    ['0', 'Fit the picture', fit],
    ['M', 'Show or hide masks', click('show')],
  ]],
  ['Classes and runs', [
    ['1 … 9', 'Choose a class'],
    ['A', 'Name another class', () => $('class-name').focus()],
    ['F2', 'Rename the class', () => rename()],
    ['T', 'To the threshold', () => $('class-list').querySelector('input[type="range"]')?.focus()],
    ['R', 'Find in all pictures', click('run')],
    ['Shift+R', 'Cancel the run', jobs.cancel],
    ['I', 'Add pictures', click('add')],
    ['X', 'Export', click('export')],
    ['?', 'This list', click('keys')],
  ]],
];

const table = new Map(groups.flatMap(([, lines]) => lines).filter(([, , fn]) => fn).map(([keys, , fn]) => [keys.toLowerCase(), fn]));

// written is an event's key as the table has it.
function written(event) {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key.toLowerCase();
  const letter = /^[a-z]$/.test(name) || event.key.length > 1;
  return (event.ctrlKey || event.metaKey ? 'ctrl+' : '') + (event.shiftKey && letter ? 'shift+' : '') + name;
}

// typed tells whether a control wants the key for itself.
function typed(event) {
  const at = event.target;
  if (at.closest('dialog:not([open])')) return false; // it keeps the focus for a moment
  if (at.matches('textarea, input[type="text"], input[type="number"]')) return true;
  if (at.matches('input[type="range"], select')) return /^(Arrow|Home|End|Page)/.test(event.key) || (at.matches('select') && event.key.length === 1);
  if (at.matches('button, input, summary')) return event.key === 'Enter' || event.key === ' ';
  return false;
}

function pressed(event) {
  if (event.defaultPrevented || event.altKey || document.querySelector('dialog[open]')) return;
  if (typed(event)) {
    if (event.key === 'Escape') $('canvas').focus();
    return;
  }
  if (/^[1-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey) return chooseClass(event);
  const act = table.get(written(event));
  if (!act || (event.repeat && ['enter', 'y', 'n', 'u', 'r'].includes(event.key.toLowerCase()))) return;
  event.preventDefault();
  act();
}

function show() {
  $('keys-list').replaceChildren(...groups.map(([title, lines]) => el('section', {},
    el('h3', {}, title),
    ...lines.map(([keys, what]) => el('div', {}, el('span', {}, what), el('span', {}, el('kbd', {}, keys)))))));
  $('keys-dialog').showModal();
}

export function setUp() {
  $('keys').onclick = show;
  $('keys').title = 'Keys (?)';
  document.addEventListener('keydown', pressed);
  // Where nothing had the focus before a dialog, the browser leaves it in the dialog.
  document.addEventListener('close', event => { if (event.target.contains(document.activeElement)) $('canvas').focus(); }, true);
}
