// Gray values of PNG files, and painting on masks.

// grays returns the gray values [h,w] of an image file, resized if a width is given.
export async function grays(file, width = 0, height = 0) {
  const options = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };
  const bitmap = await createImageBitmap(file, options);
  const w = width || bitmap.width, h = height || bitmap.height;
  const canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, w, h);
  bitmap.close();
  const rgba = context.getImageData(0, 0, w, h).data;
  const gray = new Uint8Array(w * h);
  for (let i = 0; i < gray.length; i++) gray[i] = rgba[4 * i];
  return { gray, w, h };
}

// binary makes 0 and 1 of gray values.
export function binary({ gray, w, h }) {
  const mask = new Uint8Array(gray.length);
  for (let i = 0; i < gray.length; i++) mask[i] = gray[i] > 127 ? 1 : 0;
  return { mask, w, h };
}

// paint sets all pixels whose center is within half a width of the line from a to b.
function paint(mask, w, h, a, b, width, value) {
  const r = width / 2;
  const x0 = Math.max(0, Math.floor(Math.min(a[0], b[0]) - r)), x1 = Math.min(w - 1, Math.ceil(Math.max(a[0], b[0]) + r));
  const y0 = Math.max(0, Math.floor(Math.min(a[1], b[1]) - r)), y1 = Math.min(h - 1, Math.ceil(Math.max(a[1], b[1]) + r));
  const dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const px = x + 0.5 - a[0], py = y + 0.5 - a[1];
      const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const ex = px - t * dx, ey = py - t * dy;
      if (ex * ex + ey * ey <= r * r) mask[y * w + x] = value;
    }
  }
}

// brush paints a whole stroke of the tool "brush".
export function brush(mask, w, h, stroke) {
  const points = stroke.points;
  for (let i = 0; i < points.length; i++) paint(mask, w, h, points[Math.max(0, i - 1)], points[i], stroke.width, stroke.add ? 1 : 0);
}

// rgb reads "#rrggbb".
export function rgb(color) {
  const n = parseInt(color.slice(1), 16);
  return [n >> 16 & 255, n >> 8 & 255, n & 255];
}
