// The export of accepted masks.

import { blob } from './api.js';
import { $, el, plural, told } from './dom.js';
import { say } from './say.js';
import { project } from './store.js';

function formatChanged() {
  const { format } = Object.fromEntries(new FormData($('export-form')));
  $('export-rle').hidden = format !== 'coco';
  const exact = format === 'coco' && $('export-form').elements.rle.checked;
  $('export-simplify').hidden = exact || ['png', 'custom'].includes(format);
}

function open() {
  $('export-error').hidden = true;
  show();
  $('export-dialog').showModal();
}

// show says what the archive will have in it.
function show() {
  const supports = $('export-form').elements.supports.checked ? project.supports : [];
  const accepted = [...project.masks.values()].filter(mask => mask.status === 'accepted');
  const pictures = new Set([...supports, ...accepted].map(({ image }) => image)).size;
  $('export-count').textContent = pictures
    ? `${plural(accepted.length, 'accepted mask', 'accepted masks')}${supports.length ? ` and ${plural(supports.length, 'support', 'supports')}` : ''} in ${plural(pictures, 'picture', 'pictures')}. Open and rejected masks stay out.`
    : 'Nothing is accepted yet: accept masks first (Y).';
  $('export-go').disabled = !pictures;
  formatChanged();
}

async function download(event) {
  event.preventDefault();
  const form = $('export-form').elements;
  const format = form.format.value;
  const body = {
    format, rle: format === 'coco' && form.rle.checked, simplify: Number(form.simplify.value) || 0, images: form.images.checked, supports: form.supports.checked,
  };
  $('export-go').disabled = true;
  $('export-error').hidden = true;
  try {
    const address = URL.createObjectURL(await blob('/api/export', { method: 'POST', body }));
    const link = el('a', { href: address, download: `${project.name || 'hdmnet'}-${format}.zip` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    $('export-dialog').close();
    say('Exported.');
  } catch (error) {
    $('export-error').textContent = told(error);
    $('export-error').hidden = false;
  }
  $('export-go').disabled = false;
}

export function setUp() {
  $('export').title = 'Export accepted masks (X)';
  $('export').onclick = open;
  $('export-close').onclick = () => $('export-dialog').close();
  $('export-form').onchange = show;
  $('export-form').onsubmit = download;
}
