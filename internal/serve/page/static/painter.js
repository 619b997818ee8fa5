// Draws the canvas: picture, masks, strokes.

import { camera, toScreen } from './camera.js';
import * as marks from './marks.js';
import { rgb } from './pixels.js';
import { shown } from './shown.js';
import { classOf, currentClass, project, view } from './store.js';
import { open } from './tools.js';

const layer = document.createElement('canvas');
let pixels = null; // ImageData of layer
let labels = null; // classes of its pixels

// draw paints everything. bitmap is the picture or null, pen where the keyboard's pen is,
// pointer the mouse for the circle of a brush {x, y, r}, on the canvas.
export function draw(canvas, image, bitmap, pen, pointer) {
  const ratio = devicePixelRatio || 1;
  const w = Math.round(canvas.clientWidth * ratio), h = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext('2d');
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, w, h);
  if (!image || !bitmap) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = camera.scale < 4;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, camera.x, camera.y, image.width * camera.scale, image.height * camera.scale);
  if (view.masks) paintMasks(context, image, w, h, ratio);
  const color = currentClass()?.color ?? '#1f5fbf';
  if (view.masks) for (const stroke of marks.state().strokes) paintStroke(context, stroke, color);
  if (open) paintStroke(context, open, color);
  if (pointer?.r) circle(context, pointer.x, pointer.y, pointer.r);
  if (pen) cross(context, ...toScreen(...pen));
}

// sources gives, for n pixels of the screen, the pixels of a mask that lie there, or -1.
function sources(n, ratio, offset, extent, size) {
  const index = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const at = ((i + 0.5) / ratio - offset) / camera.scale;
    index[i] = at < 0 || at >= extent ? -1 : Math.min(size - 1, Math.floor(at * size / extent));
  }
  return index;
}

// paintMasks looks up every pixel of the screen, so outlines are as fine as the screen at
// every zoom, and a large mask costs no more than a small one.
function paintMasks(context, image, w, h, ratio) {
  const { base, top } = shown;
  if (!base && !top) return;
  if (pixels?.width !== w || pixels.height !== h) {
    Object.assign(layer, { width: w, height: h });
    pixels = new ImageData(w, h);
    labels = new Uint16Array(w * h);
  }
  labels.fill(0);
  if (base) {
    const columns = sources(w, ratio, camera.x, image.width, base.w), rows = sources(h, ratio, camera.y, image.height, base.h);
    for (let y = 0; y < h; y++) {
      if (rows[y] < 0) continue;
      for (let x = 0, row = rows[y] * base.w; x < w; x++) if (columns[x] >= 0) labels[y * w + x] = base.labels[row + columns[x]];
    }
  }
  if (top) {
    const columns = sources(w, ratio, camera.x, image.width, top.w), rows = sources(h, ratio, camera.y, image.height, top.h);
    for (let y = 0; y < h; y++) {
      if (rows[y] < 0) continue;
      for (let x = 0, row = rows[y] * top.w; x < w; x++) if (columns[x] >= 0 && top.mask[row + columns[x]]) labels[y * w + x] = view.klass;
    }
  }
  colorLabels(new Uint32Array(pixels.data.buffer), w, h, Math.round(2 * ratio));
  layer.getContext('2d').putImageData(pixels, 0, 0);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.drawImage(layer, 0, 0);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

function colorLabels(out, w, h, edge) {
  const inside = new Map(), outline = new Map();
  for (const { id, color } of project.classes) {
    const [r, g, b] = rgb(color), bgr = (b << 16 | g << 8 | r) >>> 0;
    inside.set(id, ((id === view.klass ? 100 : 60) << 24 | bgr) >>> 0);
    outline.set(id, (255 << 24 | bgr) >>> 0);
  }
  out.fill(0);
  for (let y = 0; y < h; y++) {
    for (let x = 0, p = y * w; x < w; x++, p++) {
      const id = labels[p];
      if (!id || !classOf(id)) continue;
      const rim = (x >= edge && labels[p - edge] !== id) || (x + edge < w && labels[p + edge] !== id)
        || (y >= edge && labels[p - edge * w] !== id) || (y + edge < h && labels[p + edge * w] !== id);
      out[p] = rim ? outline.get(id) : inside.get(id);
    }
  }
}

function paintStroke(context, stroke, color) {
  const add = stroke.add !== false;
  context.lineJoin = context.lineCap = 'round';
  if (stroke.tool === 'point') return dot(context, ...toScreen(stroke.x + 0.5, stroke.y + 0.5), add, color);
  const path = new Path2D();
  if (stroke.tool === 'box') {
    const [x0, y0] = toScreen(stroke.x0, stroke.y0), [x1, y1] = toScreen(stroke.x1, stroke.y1);
    path.rect(x0, y0, x1 - x0, y1 - y0);
    return line(context, path, 2, color, [6, 4]);
  }
  for (const p of stroke.points) path.lineTo(...toScreen(...p));
  if (stroke.tool === 'polygon') {
    if (stroke === open) path.lineTo(...toScreen(...(stroke.hover ?? stroke.points.at(-1))));
    else path.closePath();
    line(context, path, 2, color, add ? [] : [6, 4]);
    if (stroke === open) for (const p of stroke.points) dot(context, ...toScreen(...p), null, color);
    return;
  }
  if (stroke.points.length === 1) path.lineTo(...toScreen(...stroke.points[0]));
  if (stroke.tool === 'scribble') return line(context, path, 3, add ? color : '#ffffff', add ? [] : [2, 6]);
  if (stroke !== open) return; // a brush is seen in the mask
  context.strokeStyle = add ? color : '#ffffff';
  context.globalAlpha = 0.45;
  context.lineWidth = stroke.width * camera.scale;
  context.setLineDash([]);
  context.stroke(path);
  context.globalAlpha = 1;
}

// line has a dark rim, to be seen on light and on dark.
function line(context, path, width, color, dash) {
  context.setLineDash([]);
  context.strokeStyle = 'rgb(0 0 0 / .55)';
  context.lineWidth = width + 2;
  context.stroke(path);
  context.strokeStyle = dash.length ? '#ffffff' : color;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.stroke(path);
  context.setLineDash([]);
}

// dot is a point: + on the object, − on the background, neither for a corner.
function dot(context, x, y, add, color) {
  const r = add === null ? 4 : 7;
  const disc = new Path2D();
  disc.arc(x, y, r, 0, 2 * Math.PI);
  context.fillStyle = add === false ? '#14181f' : color;
  context.strokeStyle = '#ffffff';
  context.lineWidth = 2;
  context.fill(disc);
  context.stroke(disc);
  if (add === null) return;
  const sign = new Path2D();
  sign.moveTo(x - 3, y);
  sign.lineTo(x + 3, y);
  if (add) {
    sign.moveTo(x, y - 3);
    sign.lineTo(x, y + 3);
  }
  context.lineWidth = 1.6;
  context.stroke(sign);
}

function circle(context, x, y, r) {
  const path = new Path2D();
  path.arc(x, y, r, 0, 2 * Math.PI);
  context.strokeStyle = 'rgb(0 0 0 / .6)';
  context.lineWidth = 2.5;
  context.stroke(path);
  context.strokeStyle = '#ffffff';
  context.lineWidth = 1.2;
  context.stroke(path);
}

function cross(context, x, y) {
  const path = new Path2D();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    path.moveTo(x + 4 * dx, y + 4 * dy);
    path.lineTo(x + 14 * dx, y + 14 * dy);
  }
  line(context, path, 2, '#ffffff', []);
}
