// The mask as the marks are understood, while they are drawn. The last marks win: an answer
// to earlier ones is dropped.

import { call } from './api.js';
import { decode } from './rle.js';
import { later } from './dom.js';

let wanted = '';
let have = '';
let asked = null; // AbortController
let mask = null; // {mask, w, h}
let error = null;
let told = () => {};

// onPreview is called when there is another mask, or an error in its place.
export const onPreview = fn => { told = fn; };

const ask = later(40, async () => {
  const about = wanted;
  asked?.abort();
  asked = new AbortController();
  try {
    const { rle } = await call('POST', '/api/preview', JSON.parse(about), asked.signal);
    if (about !== wanted) return;
    mask = { mask: decode(rle), w: rle.size[1], h: rle.size[0] };
    error = null;
  } catch (failed) {
    if (failed.name === 'AbortError' || about !== wanted) return;
    mask = null;
    error = failed;
  }
  have = about;
  told();
});

// want asks for the mask of strokes in a picture; the answer comes through onPreview.
export function want(image, strokes) {
  const about = strokes.length ? JSON.stringify({ image, strokes }) : '';
  if (about === wanted) return;
  const other = !about || !wanted || JSON.parse(wanted).image !== image;
  wanted = about;
  if (other) {
    mask = null;
    error = null;
  }
  if (about) ask();
  else asked?.abort();
}

// preview is the last mask that came, and whether a later one is on its way.
export const preview = () => ({ mask, error, waiting: wanted !== '' && wanted !== have });
