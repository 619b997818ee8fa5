// Which pictures the list shows, and in which order.

import { failures, maskOf, project, supportOf, view } from './store.js';

export const filters = [
  ['all', 'All'], ['open', 'Open'], ['accepted', 'Accepted'], ['rejected', 'Rejected'],
];

// passes tells whether a picture is of those that a filter shows, for the class that is looked at.
export function passes(filter, id) {
  if (filter === 'all') return true;
  if (supportOf(id, view.klass)) return false;
  const status = maskOf(id, view.klass)?.status;
  if (filter === 'open') return status === 'proposed' || failures.has(id);
  return status === filter;
}

const byName = new Intl.Collator(undefined, { numeric: true });
let sorted = [];

// sort makes the order anew. It is not done with every mask that comes: pictures would jump.
export function sort() {
  const rank = id => maskOf(id, view.klass)?.confidence ?? -1;
  const sign = { sure: -1, unsure: 1 }[view.order];
  sorted = project.images.slice().sort((a, b) => {
    if (sign) {
      const ra = rank(a.id), rb = rank(b.id);
      if (ra !== rb) return ra < 0 ? 1 : rb < 0 ? -1 : sign * (ra - rb);
    }
    return byName.compare(a.name, b.name);
  }).map(image => image.id);
}

// listed are the ids of the pictures that are shown, in order.
export function listed() {
  const known = new Set(project.images.map(image => image.id));
  const old = sorted.filter(id => known.has(id));
  if (old.length !== known.size) sort();
  else sorted = old;
  return sorted.filter(id => passes(view.filter, id));
}

// neighbor is the picture step places after the one that is looked at.
export function neighbor(step) {
  const all = listed();
  if (!all.length) return null;
  const at = all.indexOf(view.image);
  return at < 0 ? all[0] : all[Math.min(all.length - 1, Math.max(0, at + step))];
}

// following is the next picture that passes a filter, from the one that is looked at on and around.
export function following(filter) {
  const all = listed();
  const at = all.indexOf(view.image);
  return all.slice(at + 1).concat(all.slice(0, Math.max(0, at))).find(id => passes(filter, id)) ?? null;
}

const seen = new Set();

// see is told which pictures are on the screen.
export function see(id, is) {
  if (is) seen.add(id);
  else seen.delete(id);
}

export const visible = () => listed().filter(id => seen.has(id));
