// One picture of the list: a small view, its masks, and a tag that says how it stands.

import { el, icon } from './dom.js';
import { waits } from './jobs.js';
import { rgb } from './pixels.js';
import { compose, layers, version } from './probabilities.js';
import { failures, maskOf, project, supportOf, view } from './store.js';

const side = 256;

export function makeTile(image, onopen) {
  const canvas = el('canvas', {});
  const picture = el('img', { src: `/api/images/${image.id}/thumb`, alt: '', loading: 'lazy', decoding: 'async' });
  const tag = el('span', { class: 'tag' });
  const button = el('button', { type: 'button', class: 'tile', tabindex: -1, 'aria-label': image.name, 'data-image': image.id, onclick: event => onopen(image.id, event) }, picture, canvas, tag);
  picture.addEventListener('error', () => { picture.hidden = true; });
  return { image, node: el('li', {}, button), button, canvas, tag, painted: '', at: 0 };
}

const percent = value => `${Math.round(100 * value)} %`;

// standing says how a picture stands: [what the tag's color says, its icon, its text, in words].
function standing({ id }) {
  const mask = maskOf(id, view.klass);
  if (failures.has(id)) return ['failed', 'alert', 'failed', `failed: ${failures.get(id).what}`];
  if (supportOf(id, view.klass)) return ['support', 'star', 'support', 'support: shows what to look for'];
  if (!mask) return ['', '', '', waits(id, view.klass) ? 'waiting' : ''];
  const sure = percent(mask.confidence ?? 0);
  if (mask.status === 'accepted') return ['accepted', 'check', mask.corrected ? 'corrected' : sure, mask.corrected ? 'accepted, corrected by hand' : `accepted, ${sure} sure`];
  if (mask.status === 'rejected') return ['rejected', 'cross', sure, `rejected, ${sure} sure`];
  if (mask.stale) return ['stale', 'stale', sure, `found before the last change, ${sure} sure`];
  return ['proposed', '', sure, `${sure} sure`];
}

// describe brings the tile's tag and name up to date.
export function describe(tile) {
  const [kind, sign, text, words] = standing(tile.image);
  const current = tile.image.id === view.image;
  tile.button.className = `tile ${kind}`;
  tile.button.classList.toggle('waiting', waits(tile.image.id, view.klass));
  tile.button.setAttribute('aria-label', [tile.image.name, words].filter(Boolean).join(', '));
  tile.button.title = tile.image.name + (words ? `\n${words}` : '');
  if (current) tile.button.setAttribute('aria-current', 'true');
  else tile.button.removeAttribute('aria-current');
  tile.tag.className = `tag ${kind}`;
  tile.tag.hidden = !text;
  tile.tag.replaceChildren(...(sign ? [icon(sign)] : []), text);
}

// paint draws the masks, if they changed since.
export async function paint(tile) {
  const now = version(tile.image);
  if (tile.painted === now) return;
  tile.painted = now;
  const turn = ++tile.at;
  let all;
  try {
    all = await layers(tile.image);
  } catch {
    if (turn === tile.at) tile.painted = '';
    return;
  }
  if (turn !== tile.at) return;
  const scale = side / Math.max(tile.image.width, tile.image.height);
  const w = Math.max(1, Math.round(tile.image.width * scale)), h = Math.max(1, Math.round(tile.image.height * scale));
  Object.assign(tile.canvas, { width: w, height: h });
  if (!all.length) return;
  tile.canvas.getContext('2d').putImageData(tinted(compose(all, w, h), w, h), 0, 0);
}

function tinted(labels, w, h) {
  const colors = new Map(project.classes.map(({ id, color }) => {
    const [r, g, b] = rgb(color);
    return [id, (b << 16 | g << 8 | r) >>> 0];
  }));
  const image = new ImageData(w, h), out = new Uint32Array(image.data.buffer);
  for (let p = 0; p < out.length; p++) {
    const id = labels[p];
    if (!id) continue;
    const x = p % w;
    const rim = (x > 0 && labels[p - 1] !== id) || (x < w - 1 && labels[p + 1] !== id)
      || (p >= w && labels[p - w] !== id) || (p + w < labels.length && labels[p + w] !== id);
    out[p] = ((rim ? 255 : 115) << 24 | colors.get(id)) >>> 0;
  }
  return image;
}
