// The list of pictures.

import { acceptAll } from './actions.js';
import { $, el, later, plural } from './dom.js';
import { waits } from './jobs.js';
import { filters, listed, passes, see, sort } from './order.js';
import { ask } from './say.js';
import { changed, currentClass, maskOf, on, project, select, view } from './store.js';
import { describe, makeTile, paint } from './tile.js';

const tiles = new Map(); // id → tile
const inSight = new Set();

const watcher = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    const id = target.dataset.image;
    see(id, isIntersecting);
    if (isIntersecting) inSight.add(id);
    else inSight.delete(id);
  }
  refresh();
  moved();
}, { root: $('grid'), rootMargin: '120px' });

const moved = later(150, () => changed('viewport'));

// open shows a picture. Who came with the keyboard goes on at the canvas.
function open(id, event) {
  select(id);
  if (event.detail === 0) $('canvas').focus({ preventScroll: true });
}

// arrange puts the tiles in order, with as few moves as possible.
function arrange() {
  const grid = $('grid'), ids = listed(), wanted = new Set(ids);
  for (const image of project.images) {
    if (tiles.has(image.id)) continue;
    const tile = makeTile(image, open);
    tiles.set(image.id, tile);
    watcher.observe(tile.button);
  }
  const known = new Set(project.images.map(image => image.id));
  for (const [id, tile] of tiles) {
    if (!wanted.has(id)) tile.node.remove();
    if (known.has(id)) continue;
    watcher.unobserve(tile.button);
    see(id, false);
    inSight.delete(id);
    tiles.delete(id);
  }
  grid.querySelector('.tip')?.remove();
  let at = grid.firstElementChild;
  for (const id of ids) {
    const { node } = tiles.get(id);
    if (node === at) at = at.nextElementSibling;
    else grid.insertBefore(node, at);
  }
  if (project.loaded && !ids.length) {
    const text = view.filter !== 'all' ? 'No picture here. Choose “All” to see the others.' : 'No pictures yet. Drop some onto the page, or choose “Add pictures”.';
    grid.append(el('li', { class: 'tip' }, text));
  }
  const reached = wanted.has(view.image) ? view.image : ids[0];
  for (const [id, tile] of tiles) tile.button.tabIndex = id === reached ? 0 : -1;
  refresh();
  segments();
}

function refresh() {
  for (const [id, tile] of tiles) {
    if (!inSight.has(id) && id !== view.image) continue;
    describe(tile);
    if (inSight.has(id)) paint(tile);
  }
}

function segments() {
  const count = filter => project.images.filter(image => passes(filter, image.id)).length;
  const group = $('filter');
  for (const [id, label] of filters) {
    let button = group.querySelector(`[data-filter="${id}"]`);
    if (!button) {
      button = el('button', { type: 'button', 'data-filter': id, onclick: () => choose(id) });
      group.append(button);
    }
    const n = count(id);
    button.setAttribute('aria-pressed', view.filter === id);
    button.setAttribute('aria-label', `${label}: ${plural(n, 'picture', 'pictures')}`);
    button.replaceChildren(`${label} `, el('span', { class: 'n' }, `${n}`));
  }
  const some = listed().filter(id => maskOf(id, view.klass)?.status === 'proposed' && passes('open', id) && !waits(id, view.klass));
  $('accept-all').hidden = some.length < 2;
  $('accept-all').textContent = `Accept ${some.length} open masks`;
  $('accept-all').onclick = async () => {
    if (await ask(`Accept ${some.length} masks?`, `All open masks of ${currentClass().name} in this list are accepted as they are. Each can be opened again.`, 'Accept')) acceptAll(some);
  };
}

function choose(filter) {
  view.filter = filter;
  changed('grid');
}

// reveal scrolls to the picture that is looked at.
function reveal() {
  const tile = tiles.get(view.image);
  if (tile?.node.isConnected) tile.node.scrollIntoView({ block: 'nearest' });
}

// The arrows go through the list; Tab leaves it.
function key(event) {
  const ids = listed(), at = ids.indexOf(event.target.dataset?.image);
  if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
  const columns = getComputedStyle($('grid')).gridTemplateColumns.split(' ').length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: ids.length - 1 - at }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const to = ids[Math.min(ids.length - 1, Math.max(0, at + step))];
  for (const tile of tiles.values()) tile.button.tabIndex = -1;
  const { button } = tiles.get(to);
  button.tabIndex = 0;
  button.focus();
}

export function setUp() {
  $('grid').addEventListener('keydown', key);
  $('order').onchange = () => {
    view.order = $('order').value;
    sort();
    changed('grid');
  };
  on('images masks supports grid', arrange);
  on('selection', () => { arrange(); reveal(); });
  on('classes threshold jobs', () => { refresh(); segments(); });
  on('sort', () => { sort(); changed('grid'); });
}
