// Starts the page.

import * as add from './add.js';
import * as canvas from './canvas.js';
import * as classes from './classes.js';
import { isAway, onReturn } from './connection.js';
import { $, drawIcons, el, told } from './dom.js';
import * as exporting from './export.js';
import * as grid from './grid.js';
import * as jobs from './jobs.js';
import * as keys from './keys.js';
import { complain } from './say.js';
import { on, project, view } from './store.js';
import { reload } from './sync.js';
import * as work from './work.js';

function show() {
  const { network } = project;
  $('project').textContent = project.name;
  document.title = project.name ? `${project.name} – hdmnet` : 'hdmnet';
  if (network) {
    $('network').hidden = false;
    $('network').className = network.demo ? 'chip' : 'chip plainly';
    $('network').textContent = network.demo ? 'Demo network' : network.name;
    $('network').title = [network.note, `${network.backbone ?? ''} at ${network.size ?? ''} pixels, ${project.device}`, `hdmnet ${project.version}`].filter(Boolean).join('\n');
  }
  const samples = project.images.some(image => image.sample);
  $('notice').hidden = !samples && !network?.demo;
  $('notice').textContent = [
    samples ? 'These pictures are samples to try things with.' : '',
    network?.demo ? 'The demo network finds little in photographs: for those start hdmnet serve with --run or --weights.' : 'Add your own.',
  ].filter(Boolean).join(' ');
}

// What is looked at is kept in the address, so that a page loaded again shows the same.
function remember() {
  const words = new URLSearchParams();
  if (view.image) words.set('picture', view.image);
  if (view.klass) words.set('class', view.klass);
  history.replaceState(null, '', `#${words}`);
  try {
    localStorage.setItem('hdmnet page', JSON.stringify({ order: view.order, auto: view.auto, width: view.width }));
  } catch { /* storage is off */ }
}

function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  view.image = words.get('picture');
  view.klass = Number(words.get('class')) || null;
  try {
    const { order, auto, width } = JSON.parse(localStorage.getItem('hdmnet page')) ?? {};
    Object.assign(view, { order: order ?? view.order, auto: auto ?? view.auto, width: width ?? view.width });
  } catch { /* storage is off */ }
  $('order').value = view.order;
  $('auto').checked = view.auto;
}

recall();
drawIcons();
for (const part of [canvas, classes, work, grid, jobs, add, exporting, keys]) part.setUp();
on('images classes', show);
on('selection grid auto tool', () => { if (project.loaded) remember(); });
on('reload', () => reload().catch(complain));
onReturn(() => reload().catch(complain));
// Others may work on the same project, and the server may have been started anew.
setInterval(() => { if (project.loaded && document.visibilityState === 'visible' && !isAway() && !jobs.run) reload().catch(() => {}); }, 20000);

reload().catch(error => {
  $('empty').replaceChildren(el('h2', {}, 'The project could not be loaded'), el('p', {}, told(error)),
    el('div', { class: 'row' }, el('button', { type: 'button', class: 'primary', onclick: () => location.reload() }, 'Try again')));
});
