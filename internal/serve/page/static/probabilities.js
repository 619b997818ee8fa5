// Masks for the grid, and while a threshold is moved: from the probabilities that the
// server keeps, at most 512 pixels on the longer side. Nothing is computed anew.

import { blob } from './api.js';
import { grays } from './pixels.js';
import { classOf, key, maskOf, project, supportOf } from './store.js';

const kept = new Map(); // address → promise of {gray, w, h}; the first is the longest unused
const most = 400;

function load(address, width, height) {
  let found = kept.get(address);
  if (found) {
    kept.delete(address);
  } else {
    found = blob(address).then(file => grays(file, width, height));
    found.catch(() => kept.delete(address));
  }
  kept.set(address, found);
  if (kept.size > most) kept.delete(kept.keys().next().value);
  return found;
}

// small is a picture's size with at most 512 pixels on the longer side.
function small({ width, height }) {
  const scale = Math.min(1, 512 / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

// layers loads what is known of a picture: [{klass, gray, w, h, fixed}]. What a person
// decided on (supports, corrections, what was accepted) is fixed: thresholds do not change it.
export async function layers(image) {
  const all = [];
  for (const klass of project.classes) {
    const support = supportOf(image.id, klass.id), mask = maskOf(image.id, klass.id);
    let address = '';
    const fixed = !!support || !!mask?.corrected || mask?.status === 'accepted';
    if (support) address = `/api/supports/${image.id}/${klass.id}.png?revision=${support.revision}`;
    else if (!mask || mask.status === 'rejected') continue;
    else if (fixed) address = `/api/masks/${image.id}/${klass.id}.png?revision=${mask.revision}`;
    else address = `/api/masks/${image.id}/${klass.id}.png?as=probability&revision=${mask.revision}`;
    const size = fixed ? small(image) : [];
    all.push(load(address, ...size).then(pixels => ({ klass: klass.id, fixed, ...pixels })));
  }
  return Promise.all(all);
}

// compose returns the classes [h,w] of a picture's pixels, 0 for none: the best of those
// above their thresholds. What is fixed comes before what is not.
export function compose(all, w, h) {
  const labels = new Uint16Array(w * h);
  const best = new Float32Array(w * h);
  for (const layer of all) {
    const threshold = layer.fixed ? 127.5 : (classOf(layer.klass)?.threshold ?? 0.5) * 255;
    const columns = weights(w, layer.w), rows = weights(h, layer.h);
    for (let y = 0; y < h; y++) {
      const upper = rows.from[y] * layer.w, lower = rows.to[y] * layer.w, v = rows.part[y];
      for (let x = 0; x < w; x++) {
        const a = columns.from[x], b = columns.to[x], u = columns.part[x];
        const top = layer.gray[upper + a] * (1 - u) + layer.gray[upper + b] * u;
        const bottom = layer.gray[lower + a] * (1 - u) + layer.gray[lower + b] * u;
        const value = top * (1 - v) + bottom * v;
        const rank = layer.fixed ? value + 256 : value;
        if (value >= threshold && rank > best[y * w + x]) {
          best[y * w + x] = rank;
          labels[y * w + x] = layer.klass;
        }
      }
    }
  }
  return labels;
}

// weights are those of bilinear interpolation between pixel centers.
function weights(n, m) {
  const from = new Int32Array(n), to = new Int32Array(n), part = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const at = Math.min(m - 1, Math.max(0, (i + 0.5) * m / n - 0.5));
    from[i] = Math.floor(at);
    to[i] = Math.min(m - 1, from[i] + 1);
    part[i] = at - from[i];
  }
  return { from, to, part };
}

// version changes when what compose would return may have changed.
export function version(image) {
  return project.classes.map(klass => {
    const support = supportOf(image.id, klass.id), mask = maskOf(image.id, klass.id);
    return support ? `s${support.revision}` : mask ? `${mask.revision}${mask.status}` : '-';
  }).join() + key(image.id, project.classes.map(c => c.threshold + c.color).join());
}
