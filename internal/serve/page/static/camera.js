// Where the picture is on the canvas: screen = picture · scale + offset, in CSS pixels.

export const camera = { scale: 1, x: 0, y: 0, fitted: true };

const size = { w: 1, h: 1, pw: 1, ph: 1 }; // of the canvas and of the picture
let told = () => {};

// onCamera is called after every change.
export const onCamera = fn => { told = fn; };

export function fit() {
  const margin = 16;
  camera.scale = Math.max(0.001, Math.min((size.w - 2 * margin) / size.pw, (size.h - 2 * margin) / size.ph, 8));
  camera.x = (size.w - size.pw * camera.scale) / 2;
  camera.y = (size.h - size.ph * camera.scale) / 2;
  camera.fitted = true;
  told();
}

export function resize(w, h) {
  if (w === size.w && h === size.h) return;
  Object.assign(size, { w, h });
  if (camera.fitted) fit();
  else settle();
}

export function look(pw, ph) {
  Object.assign(size, { pw, ph });
  fit();
}

// zoom keeps the place (x, y) of the canvas where it is.
export function zoom(factor, x = size.w / 2, y = size.h / 2) {
  const scale = Math.min(32, Math.max(Math.min(0.05, camera.scale), camera.scale * factor));
  camera.x = x - (x - camera.x) * scale / camera.scale;
  camera.y = y - (y - camera.y) * scale / camera.scale;
  camera.scale = scale;
  camera.fitted = false;
  settle();
}

export function pan(dx, dy) {
  camera.x += dx;
  camera.y += dy;
  camera.fitted = false;
  settle();
}

// settle keeps some of the picture on the canvas.
function settle() {
  const rest = 48;
  camera.x = Math.min(size.w - rest, Math.max(rest - size.pw * camera.scale, camera.x));
  camera.y = Math.min(size.h - rest, Math.max(rest - size.ph * camera.scale, camera.y));
  told();
}

export const toPicture = (x, y) => [(x - camera.x) / camera.scale, (y - camera.y) / camera.scale];
export const toScreen = (x, y) => [x * camera.scale + camera.x, y * camera.scale + camera.y];

// reveal moves the picture so that its place (x, y) is seen.
export function reveal(x, y) {
  const [sx, sy] = toScreen(x, y), margin = 40;
  const dx = Math.max(0, margin - sx) - Math.max(0, sx - size.w + margin);
  const dy = Math.max(0, margin - sy) - Math.max(0, sy - size.h + margin);
  if (dx || dy) pan(dx, dy);
}
