// The canvas: mouse, pen, touch and keyboard become strokes.

import { camera, fit, look, onCamera, pan, resize, reveal, toPicture, zoom } from './camera.js';
import { $ } from './dom.js';
import * as marks from './marks.js';
import { neighbor } from './order.js';
import { draw } from './painter.js';
import { bitmap as picture } from './pictures.js';
import { complain } from './say.js';
import { hasMask } from './shown.js';
import { changed, currentImage, imageOf, on, view } from './store.js';
import * as tools from './tools.js';
import { needClass } from './classes.js';

const canvas = $('canvas');
let bitmap = null;
let loaded = { id: null, max: 0 };
let pointer = null; // {x, y, r}, on the canvas, for the circle of a brush
let pen = null; // the keyboard's pen, in pixels of the picture
let held = null; // a pointer that draws or moves the picture
let due = false;

function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw(canvas, currentImage(), bitmap, document.activeElement === canvas ? pen : null, pointer);
    $('zoom-text').textContent = `${Math.round(camera.scale * 100)} %`;
  });
}

// load gets the picture: first with at most 2048 pixels, all of it when that is too coarse.
async function load() {
  const image = currentImage();
  if (!image) {
    bitmap = null;
    loaded = { id: null, max: 0 };
    redraw();
    return;
  }
  const longer = Math.max(image.width, image.height);
  const same = loaded.id === image.id;
  const fine = same && camera.scale * longer * devicePixelRatio > 2600;
  const max = longer <= 2048 || fine ? longer : 2048;
  if (same && loaded.max >= max) return;
  loaded = { id: image.id, max };
  if (!same) {
    bitmap = null;
    pen = null;
    tools.cancel();
    look(image.width, image.height);
  }
  try {
    const found = await picture(image, max);
    if (loaded.id !== image.id || loaded.max !== max) return;
    bitmap = found;
    canvas.dataset.image = image.id;
    const next = imageOf(neighbor(1));
    if (next) picture(next, 2048).catch(() => {});
  } catch (error) {
    loaded = { id: null, max: 0 };
    complain(error);
  }
  redraw();
}

async function commit(stroke) {
  redraw();
  if (!stroke || !await needClass()) return;
  marks.add(stroke, hasMask());
}

const at = event => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

function down(event) {
  const image = currentImage();
  if (!image || held || !bitmap) return;
  const [x, y] = at(event);
  canvas.setPointerCapture(event.pointerId);
  pen = null;
  const moves = event.button === 1 || view.tool === 'hand';
  held = { id: event.pointerId, moves, x, y };
  canvas.classList.toggle('panning', moves);
  if (moves || event.button > 2) return;
  commit(tools.begin(image, toPicture(x, y), event.button === 2 || event.shiftKey || event.altKey));
}

function moved(event) {
  const [x, y] = at(event), image = currentImage();
  if (!image) return;
  pointer = { x, y, r: tools.hasWidth() ? tools.strokeWidth(image) * camera.scale / 2 : 0 };
  if (held?.moves) {
    pan(x - held.x, y - held.y);
    Object.assign(held, { x, y });
  } else {
    const path = event.getCoalescedEvents?.() ?? [];
    for (const each of path.length ? path : [event]) tools.move(image, toPicture(...at(each)));
  }
  redraw();
}

function up(event) {
  if (held?.id !== event.pointerId) return;
  const moves = held.moves;
  held = null;
  canvas.classList.remove('panning');
  if (!moves && currentImage()) commit(tools.end(currentImage(), toPicture(...at(event))));
}

const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// key moves the keyboard's pen with the arrows, and draws with the space bar. It returns
// whether the key was for the canvas.
function key(event) {
  const image = currentImage();
  if (!image || !bitmap || event.ctrlKey || event.metaKey) return false;
  const direction = arrows[event.key];
  if (direction) {
    const step = (event.altKey ? 1 : event.shiftKey ? 48 : 12) / camera.scale;
    if (view.tool === 'hand') {
      pan(-direction[0] * 40, -direction[1] * 40);
      return true;
    }
    pen ??= [image.width / 2, image.height / 2];
    pen = [Math.min(image.width, Math.max(0, pen[0] + direction[0] * step)), Math.min(image.height, Math.max(0, pen[1] + direction[1] * step))];
    reveal(...pen);
    tools.move(image, pen);
    redraw();
    return true;
  }
  if (event.key === ' ' && view.tool !== 'hand') {
    pen ??= [image.width / 2, image.height / 2];
    const drawing = tools.open && tools.open.tool !== 'polygon';
    commit(drawing ? tools.end(image, pen) : tools.begin(image, pen, event.shiftKey || event.altKey));
    return true;
  }
  if (event.key === 'Enter' && tools.open) {
    commit(tools.close());
    return true;
  }
  if (event.key === 'Escape' && tools.open) {
    tools.cancel();
    redraw();
    return true;
  }
  return false;
}

export function setUp() {
  canvas.addEventListener('pointerdown', down);
  canvas.addEventListener('pointermove', moved);
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('pointerleave', () => { pointer = null; redraw(); });
  canvas.addEventListener('dblclick', () => { if (tools.open?.tool === 'polygon') commit(tools.close()); });
  canvas.addEventListener('contextmenu', event => event.preventDefault());
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    if (event.shiftKey) pan(-(event.deltaX || event.deltaY), 0);
    else zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...at(event));
  }, { passive: false });
  canvas.addEventListener('keydown', event => {
    if (!key(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener('focus', redraw);
  canvas.addEventListener('blur', redraw);
  new ResizeObserver(([{ contentRect }]) => { resize(contentRect.width, contentRect.height); redraw(); }).observe($('frame'));
  $('zoom-in').onclick = () => zoom(1.4);
  $('zoom-out').onclick = () => zoom(1 / 1.4);
  $('zoom-fit').onclick = fit;
  $('show').onclick = () => {
    view.masks = !view.masks;
    $('show').setAttribute('aria-pressed', view.masks);
    redraw();
  };
  onCamera(() => { redraw(); load(); });
  on('selection images', load);
  on('shown marks tool classes', redraw);
  on('tool', () => {
    tools.cancel();
    canvas.classList.toggle('panning', view.tool === 'hand');
    changed('hint');
  });
}
