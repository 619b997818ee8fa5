// Short messages: seen for a moment, and read out.

import { $, el, icon, iconButton, sentence } from './dom.js';

// say is read out and, unless quiet, shown.
export function say(text, quiet = false) {
  $('live').textContent = text;
  if (quiet) return;
  const node = el('div', { class: 'toast' }, text);
  $('toasts').append(node);
  setTimeout(() => node.remove(), 3500);
}

// complain shows an error until it is dismissed: what went wrong, and what to do.
export function complain(error) {
  if (error?.name === 'AbortError') return;
  const what = sentence(error?.what ?? String(error?.message ?? error));
  const shown = [...$('toasts').querySelectorAll('.error')];
  if (shown.some(node => node.dataset.what === what)) return;
  if (shown.length > 2) shown[0].remove();
  const node = el('div', { class: 'toast error', role: 'alert', 'data-what': what },
    icon('alert'),
    el('div', {}, what, error?.remedy ? el('div', { class: 'soft' }, sentence(error.remedy)) : null),
    iconButton('cross', 'Dismiss', '', () => node.remove()));
  $('toasts').append(node);
}

// attempt runs what may be refused, and says so.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

// ask returns whether the person says yes.
export function ask(title, text, yes) {
  const dialog = $('ask-dialog');
  $('ask-title').textContent = title;
  $('ask-text').textContent = text;
  $('ask-yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  $('ask-yes').focus();
  return new Promise(done => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }));
}
