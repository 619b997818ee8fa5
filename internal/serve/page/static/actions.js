// What a person decides about a picture: save, accept, reject, correct, use as support.

import { call } from './api.js';
import { exact } from './exact.js';
import * as marks from './marks.js';
import { encode } from './rle.js';
import { rerun } from './jobs.js';
import { preview } from './preview.js';
import { attempt, complain, say } from './say.js';
import { current, shown } from './shown.js';
import { changed, currentClass, currentImage, dropSupport, maskOf, project, putMask, putSupport, supportOf, touched, view } from './store.js';
import { following } from './order.js';

let busy = false;
export const isBusy = () => busy;

// once does one thing at a time: a key that is held must not save twice.
function once(work) {
  return async (...args) => {
    if (busy) return;
    busy = true;
    changed('hint');
    await attempt(() => work(...args));
    busy = false;
    changed('hint');
  };
}

const subject = () => ({ image: currentImage(), klass: currentClass() });

// save sends what is drawn: marks as a support, strokes on a mask as its correction.
export const save = once(async () => {
  const { image, klass } = subject();
  if (!image || !klass || !marks.unsaved()) return;
  const { kind, strokes } = marks.state();
  if (kind === 'marks') {
    if (!strokes.length) {
      if (supportOf(image.id, klass.id)) await deleteSupport(image.id, klass.id);
      marks.forget(image.id, klass.id);
      return;
    }
    putSupport(await call('PUT', `/api/supports/${image.id}`, { class: klass.id, strokes }));
    marks.forget(image.id, klass.id);
    say(`Saved: this is ${klass.name}.`);
    rerun([klass.id]);
    return;
  }
  const { mask, w, h } = shown.loading ? await settled() : current();
  const rle = encode(mask, h, w);
  if (supportOf(image.id, klass.id)) {
    putSupport(await call('PUT', `/api/supports/${image.id}`, { class: klass.id, rle }));
    marks.forget(image.id, klass.id);
    say('Saved.');
    rerun([klass.id]);
  } else {
    const next = following('open');
    putMask(await call('PUT', `/api/masks/${image.id}/${klass.id}`, { rle }));
    marks.forget(image.id, klass.id);
    say(`Corrected and accepted${next ? '' : '. No picture is open any more.'}`);
  }
});

// settled waits until the mask is shown with the last stroke on it.
function settled() {
  return new Promise(done => {
    const wait = () => (shown.loading ? setTimeout(wait, 20) : done(current()));
    wait();
  });
}

async function deleteSupport(image, klass) {
  await call('DELETE', `/api/supports/${image}?class=${klass}`);
  dropSupport(image, klass);
  marks.forget(image, klass);
  rerun([klass]);
}

export const removeSupport = once(deleteSupport);

// judge accepts or rejects; asking for what is already so takes it back. Then the next
// picture that is open comes.
export const judge = once(async status => {
  const { image, klass } = subject();
  const mask = image && klass && maskOf(image.id, klass.id);
  if (!mask || supportOf(image.id, klass.id)) return;
  const back = mask.status === status;
  const next = back ? null : following('open');
  putMask(await call('PUT', `/api/masks/${image.id}/${klass.id}`, { status: back ? 'proposed' : status }));
  if (!marks.unsaved(image.id, klass.id) && next) {
    view.image = next;
    changed('selection');
  }
  say(back ? 'Open again.' : status === 'accepted' ? 'Accepted.' : 'Rejected.', true);
});

// accept accepts what is shown: with its corrections, if it has some.
export const accept = () => (situation() === 'correcting' ? save() : judge('accepted'));

// acceptAll accepts the open masks of pictures for the class.
export const acceptAll = once(async images => {
  const klass = currentClass();
  let n = 0;
  for (const id of images) {
    const mask = maskOf(id, klass.id);
    if (mask?.status !== 'proposed') continue;
    putMask(await call('PUT', `/api/masks/${id}/${klass.id}`, { status: 'accepted' }));
    n++;
  }
  say(`Accepted ${n}.`);
});

// revert drops a correction: the mask is what was found again.
export const revert = once(async () => {
  const { image, klass } = subject();
  const mask = await call('DELETE', `/api/masks/${image.id}/${klass.id}`);
  if (mask?.image) putMask(mask);
  else changed('reload');
});

// useAsSupport makes the mask that is shown a support; the others are found again.
export const useAsSupport = once(async () => {
  const { image, klass } = subject();
  if (!image || !klass || supportOf(image.id, klass.id) || !maskOf(image.id, klass.id)) return;
  const { mask, w, h } = marks.unsaved() ? current() : await exact(image.id, klass.id);
  if (!mask.includes(1)) {
    complain({ what: `No pixel of ${image.name} is ${klass.name}.`, remedy: 'Mark the object first, or lower the threshold.' });
    return;
  }
  putSupport(await call('PUT', `/api/supports/${image.id}`, { class: klass.id, rle: encode(mask, h, w) }));
  marks.forget(image.id, klass.id);
  say(`This picture shows the others what ${klass.name} is.`);
  rerun([klass.id]);
});

// removeImage takes the picture out of the project; a file of the folder stays where it is.
export const removeImage = once(async id => {
  await call('DELETE', `/api/images/${id}`);
  touched();
  const i = project.images.findIndex(image => image.id === id);
  project.images = project.images.filter(image => image.id !== id);
  project.supports = project.supports.filter(s => s.image !== id);
  for (const [at, mask] of project.masks) if (mask.image === id) project.masks.delete(at);
  if (view.image === id) view.image = (project.images[i] ?? project.images.at(-1))?.id ?? null;
  changed('images', 'supports', 'masks', 'selection');
});

// what can be done with the picture that is shown: one of these words.
export function situation() {
  const { image, klass } = subject();
  if (!image) return 'none';
  if (!klass) return 'unnamed';
  if (marks.unsaved()) {
    const { kind, strokes } = marks.state();
    if (kind === 'mask') return 'correcting';
    if (!strokes.length) return 'emptied';
    return preview().error ? 'misunderstood' : 'marking';
  }
  if (supportOf(image.id, klass.id)) return 'support';
  const mask = maskOf(image.id, klass.id);
  if (!mask) return project.supports.some(s => s.class === klass.id) ? 'unseen' : 'blank';
  return mask.stale ? 'stale' : mask.status;
}
