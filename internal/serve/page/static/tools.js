// The tools of the canvas, and the stroke that is being drawn.

import { camera } from './camera.js';
import { view } from './store.js';

// Each tool with its key, and whether it marks the object or what is not the object.
export const tools = [
  { id: 'point', key: 'P', label: 'Point on the object', icon: 'point', tool: 'point', add: true },
  { id: 'point-not', key: 'Shift+P', label: 'Point on the background', icon: 'point-not', tool: 'point', add: false },
  { id: 'box', key: 'O', label: 'Box around the object', icon: 'box', tool: 'box', add: true },
  { id: 'scribble', key: 'S', label: 'Scribble on the object', icon: 'scribble', tool: 'scribble', add: true },
  { id: 'scribble-not', key: 'Shift+S', label: 'Scribble on the background', icon: 'scribble-not', tool: 'scribble', add: false },
  { id: 'polygon', key: 'G', label: 'Polygon', icon: 'polygon', tool: 'polygon', add: true },
  { id: 'brush', key: 'B', label: 'Brush', icon: 'brush', tool: 'brush', add: true },
  { id: 'eraser', key: 'E', label: 'Eraser', icon: 'eraser', tool: 'brush', add: false },
  { id: 'hand', key: 'H', label: 'Move the picture', icon: 'hand', tool: 'hand', add: true },
];

const currentTool = () => tools.find(t => t.id === view.tool);
export const hasWidth = () => ['scribble', 'brush'].includes(currentTool().tool);

// strokeWidth is in pixels of the picture.
export const strokeWidth = image => Math.max(1, Math.round(view.width * Math.max(image.width, image.height)));

// open is the stroke that is being drawn, or null.
export let open = null;

const round = v => Math.round(v * 10) / 10;
const near = (a, b, pixels) => Math.hypot(a[0] - b[0], a[1] - b[1]) * camera.scale < pixels;

function inside(image, [x, y]) {
  return [Math.min(image.width, Math.max(0, x)), Math.min(image.height, Math.max(0, y))];
}

// begin puts the pen down at p, in pixels of the picture. It returns a stroke if that is
// all there is to it.
export function begin(image, at, opposite) {
  const { tool, add: marks } = currentTool();
  const p = inside(image, at), add = marks !== opposite;
  if (tool === 'point') {
    return { tool, add, x: Math.min(image.width - 1, Math.floor(p[0])), y: Math.min(image.height - 1, Math.floor(p[1])) };
  }
  if (open?.tool === 'box') return end(image, at);
  if (open?.tool === 'polygon') {
    const corners = open.points;
    if (corners.length > 2 && near(corners[0], p, 9)) return close();
    if (!near(corners.at(-1), p, 2)) corners.push(p.map(round));
    return null;
  }
  const [x, y] = p.map(Math.round);
  if (tool === 'box') open = { tool, x0: x, y0: y, x1: x, y1: y };
  else if (tool === 'polygon') open = { tool, add, points: [p.map(round)] };
  else open = { tool, add, width: strokeWidth(image), points: [p.map(round)] };
  return null;
}

// move draws to p. It returns the last piece of a line, [from, to].
export function move(image, at) {
  if (!open) return null;
  const p = inside(image, at);
  if (open.tool === 'box') [open.x1, open.y1] = p.map(Math.round);
  if (open.tool === 'polygon') open.hover = p;
  if (open.tool !== 'scribble' && open.tool !== 'brush') return null;
  const last = open.points.at(-1);
  if (near(last, p, 1.5)) return null;
  const to = p.map(round);
  open.points.push(to);
  return [last, to];
}

// end lifts the pen, and returns the stroke if it is complete. A box that was only begun
// stays open for its other corner, a polygon for its other corners.
export function end(image, at) {
  if (!open || open.tool === 'polygon') return null;
  move(image, at);
  if (open.tool === 'box') {
    const box = {
      tool: 'box',
      x0: Math.min(open.x0, open.x1), y0: Math.min(open.y0, open.y1),
      x1: Math.max(open.x0, open.x1), y1: Math.max(open.y0, open.y1),
    };
    if ((box.x1 - box.x0) * camera.scale < 4 || (box.y1 - box.y0) * camera.scale < 4 || box.x0 === box.x1 || box.y0 === box.y1) return null;
    open = null;
    return box;
  }
  return close();
}

// close completes what is open, and returns null if nothing can come of it.
export function close() {
  const stroke = open;
  open = null;
  if (stroke?.tool === 'polygon') {
    delete stroke.hover;
    return stroke.points.length > 2 ? stroke : null;
  }
  return stroke?.points ? stroke : null;
}

export const cancel = () => { open = null; };
