// Masks at the picture's own size, as the server has them and exports them.

import { blob } from './api.js';
import { binary, grays } from './pixels.js';
import { maskOf, project, supportOf } from './store.js';

const kept = new Map(); // image/class → {version, promise}
const most = 12; // a mask of 12 megapixels takes 12 MB

// version of a mask: a class wins where it is the best of all, so it depends on all.
function version(image, klass) {
  const support = supportOf(image, klass);
  if (support) return `support ${support.revision}`;
  return project.classes.map(c => {
    const mask = maskOf(image, c.id);
    return `${c.id} ${c.threshold} ${mask?.revision} ${mask?.status} ${supportOf(image, c.id)?.revision}`;
  }).join();
}

// exact returns {mask, w, h} of a class in a picture: the support's, or else what was found.
export function exact(image, klass) {
  const at = `${image}/${klass}`, now = version(image, klass);
  const found = kept.get(at);
  kept.delete(at);
  if (found?.version === now) {
    kept.set(at, found);
    return found.promise;
  }
  const folder = supportOf(image, klass) ? 'supports' : 'masks';
  const promise = blob(`/api/${folder}/${image}/${klass}.png`).then(grays).then(binary);
  kept.set(at, { version: now, promise });
  promise.catch(() => kept.delete(at));
  if (kept.size > most) kept.delete(kept.keys().next().value);
  return promise;
}
