// COCO's run lengths: column after column, the first run is background.

// decode returns the mask [h,w], row after row, 1 the object.
export function decode({ size: [h, w], counts }) {
  const mask = new Uint8Array(h * w);
  let at = 0, value = 0;
  for (const n of counts) {
    if (value) {
      for (let i = at; i < at + n; i++) {
        const x = Math.floor(i / h);
        mask[(i - x * h) * w + x] = 1;
      }
    }
    at += n;
    value = 1 - value;
  }
  return mask;
}

export function encode(mask, h, w) {
  const counts = [];
  let value = 0, run = 0;
  for (let x = 0; x < w; x++) {
    for (let i = x; i < h * w; i += w) {
      if (mask[i] === value) {
        run++;
      } else {
        counts.push(run);
        value = mask[i];
        run = 1;
      }
    }
  }
  counts.push(run);
  return { size: [h, w], counts };
}
