// The pictures themselves, as bitmaps for the canvas. The last few are kept, so that going
// back and on is quick and needs no server.

import { blob } from './api.js';

const kept = new Map(); // id and size → promise of a bitmap; the first is the longest unused
const most = 6; // 16 MB each, or more where one was zoomed into

// bitmap returns a picture with at most max pixels on its longer side.
export function bitmap(image, max) {
  const longer = Math.max(image.width, image.height), whole = max >= longer;
  const at = `${image.id} ${whole ? 'whole' : max}`;
  const found = kept.get(at) ?? blob(`/api/images/${image.id}${whole ? '' : `?max=${max}`}`, { cache: 'default' }).then(createImageBitmap);
  kept.delete(at);
  kept.set(at, found);
  found.catch(() => kept.delete(at));
  if (kept.size > most) kept.delete(kept.keys().next().value);
  return found;
}
