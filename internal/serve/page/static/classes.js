// What is looked for: classes and the pictures that show them.

import { removeSupport } from './actions.js';
import { call } from './api.js';
import { $, el, iconButton, later, plural } from './dom.js';
import { left, ready, run, start } from './jobs.js';
import { ask, attempt, say } from './say.js';
import { changed, classOf, imageOf, on, project, select, supportsOf, touched, view } from './store.js';

let renaming = null;

async function create(name) {
  const klass = await call('POST', '/api/classes', { name });
  touched();
  if (!classOf(klass.id)) project.classes = project.classes.concat(klass);
  view.klass = klass.id;
  changed('classes', 'selection');
  return klass;
}

// needClass makes sure that there is a class to mark: a person may begin with a mark.
export async function needClass() {
  if (classOf(view.klass)) return true;
  const made = await attempt(() => create('object'));
  if (made) say('Marked as “object”. Give it a better name on the left.');
  return !!made;
}

async function change(id, fields) {
  const klass = await attempt(() => call('PATCH', `/api/classes/${id}`, fields));
  if (klass) {
    touched();
    project.classes = project.classes.map(c => (c.id === id ? klass : c));
  }
  changed('classes', 'threshold', 'reload');
}

async function remove(klass) {
  const n = supportsOf(klass.id).length;
  const text = n ? `Its ${plural(n, 'support', 'supports')} and all its masks are removed too.` : 'Its masks are removed too.';
  if (!await ask(`Remove “${klass.name}”?`, text, 'Remove')) return;
  await attempt(async () => {
    await call('DELETE', `/api/classes/${klass.id}`);
    touched();
    project.classes = project.classes.filter(c => c.id !== klass.id);
    project.supports = project.supports.filter(s => s.class !== klass.id);
    for (const [at, mask] of project.masks) if (mask.class === klass.id) project.masks.delete(at);
    if (view.klass === klass.id) view.klass = project.classes[0]?.id ?? null;
    changed('classes', 'supports', 'masks', 'selection');
  });
}

const saveThreshold = later(150, (id, threshold) => {
  view.sliding = null;
  change(id, { threshold });
});

function threshold(klass) {
  const text = el('output', {}, klass.threshold.toFixed(2));
  const slider = el('input', {
    type: 'range', min: 0.02, max: 0.98, step: 0.01, 'aria-label': `Threshold of ${klass.name}`,
    oninput: () => {
      klass.threshold = Number(slider.value);
      view.sliding = klass.id;
      text.textContent = klass.threshold.toFixed(2);
      changed('threshold');
    },
    onchange: () => saveThreshold(klass.id, klass.threshold),
  });
  slider.value = klass.threshold;
  return el('div', { class: 'label', title: 'A pixel belongs to the class from this probability on' }, 'Threshold', slider, text);
}

function support({ image, class: klass }) {
  const name = imageOf(image)?.name ?? image;
  return el('li', { class: 'support' },
    el('button', { type: 'button', class: 'open', 'aria-label': `Support ${name}`, title: name, 'aria-current': image === view.image ? 'true' : null, onclick: () => select(image, klass) },
      el('img', { src: `/api/images/${image}/thumb`, alt: '' })),
    iconButton('cross', `Remove the support ${name}`, '', () => removeSupport(image, klass), { class: 'icon drop-it' }));
}

function nameField(klass) {
  const field = el('input', {
    type: 'text', maxlength: 80, 'aria-label': `New name of ${klass.name}`,
    onkeydown: event => {
      if (event.key === 'Enter') field.blur();
      if (event.key === 'Escape') { field.value = klass.name; field.blur(); }
      event.stopPropagation();
    },
    onblur: () => {
      renaming = null;
      const name = field.value.trim();
      if (name && name !== klass.name) change(klass.id, { name });
      else changed('classes');
    },
  });
  field.value = klass.name;
  return field;
}

function row(klass, i) {
  const current = klass.id === view.klass, all = supportsOf(klass.id);
  const swatch = el('input', { type: 'color', class: 'swatch', 'aria-label': `Color of ${klass.name}`, onchange: () => change(klass.id, { color: swatch.value }) });
  swatch.value = klass.color;
  const name = renaming === klass.id ? nameField(klass) : el('button', {
    type: 'button', class: 'name', 'aria-label': `${klass.name}, ${plural(all.length, 'support', 'supports')}`, 'aria-current': current ? 'true' : null,
    title: i < 9 ? `Mark ${klass.name} (${i + 1})` : klass.name,
    onclick: () => select(view.image, klass.id), ondblclick: () => rename(klass.id),
  }, el('span', {}, klass.name));
  const head = el('div', { class: 'class-row' }, swatch, name,
    current ? iconButton('pencil', `Rename ${klass.name}`, 'F2', () => rename(klass.id), { class: 'icon small' }) : null,
    current ? iconButton('trash', `Remove ${klass.name}`, '', () => remove(klass), { class: 'icon small' }) : null,
    current ? null : el('span', { class: 'soft', 'aria-hidden': 'true' }, `${all.length}`));
  const more = !current ? null : el('div', { class: 'class-more' },
    all.length ? el('ul', { class: 'supports' }, ...all.map(support)) : el('p', { class: 'tip' }, `Mark ${klass.name} in one picture.`),
    threshold(klass));
  return el('li', { class: current ? 'class current' : 'class' }, head, more);
}

export function rename(id = view.klass) {
  if (!classOf(id)) return;
  renaming = id;
  changed('classes');
}

// show makes the list anew, and leaves the focus on the same control.
function show() {
  const list = $('class-list');
  if (view.sliding !== null && list.contains(document.activeElement)) return;
  const label = list.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') : null;
  list.replaceChildren(...project.classes.map(row));
  if (project.loaded && !project.classes.length) list.append(el('li', { class: 'tip' }, 'Name what you look for, or click on it in a picture.'));
  const field = renaming && list.querySelector('.class-row input[type="text"]');
  if (field) {
    field.focus();
    field.select();
  } else if (label) {
    list.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus();
  }
}

function showRun() {
  const classes = ready();
  const others = left(classes).length;
  $('run').disabled = !classes.length || project.images.length < 2;
  $('run-text').textContent = run || (classes.length && !others) ? 'Find again' : others && classes.length ? `Find in ${plural(others, 'picture', 'pictures')}` : 'Find in all pictures';
  $('run').title = classes.length ? 'Find the classes in all pictures (R)' : 'Mark an object in a picture first';
}

export function setUp() {
  $('class-form').onsubmit = async event => {
    event.preventDefault();
    const name = $('class-name').value.trim();
    if (!name) {
      $('class-name').focus();
      return;
    }
    if (await attempt(() => create(name))) {
      $('class-name').value = '';
      $('canvas').focus();
    }
  };
  $('run').onclick = () => start();
  $('auto').onchange = () => { view.auto = $('auto').checked; changed('auto'); };
  on('classes supports selection images', show);
  on('classes supports images masks jobs', showRun);
}
