// Adding pictures: files, folders, what is dropped, folders of the server.

import { call, upload } from './api.js';
import { $, el, plural, told } from './dom.js';
import { rerun } from './jobs.js';
import { neighbor } from './order.js';
import { complain, say } from './say.js';
import { changed, project, touched, view } from './store.js';

const batch = 8; // files a request, so that what is there can be seen soon
const isPicture = file => /^image\//.test(file.type) || /\.(jpe?g|png|tiff?|webp|bmp|gif)$/i.test(file.name);

function note(...children) {
  $('add-result').append(el('li', {}, ...children));
}

// refusalLine names the file, unless the error does.
const refusalLine = ({ name, error }) => el('span', { class: 'bad' }, error.what.includes(name.split('/').pop()) ? told(error) : `${name}: ${told(error)}`);

// take enters what the server added, and says what it refused.
function take({ images = [], refused = [] }) {
  touched();
  const known = new Set(project.images.map(image => image.id));
  const fresh = images.filter(image => !known.has(image.id));
  project.images = project.images.concat(fresh);
  view.image ??= neighbor(0);
  changed('images', 'selection');
  for (const each of refused) note(refusalLine(each));
  if (refused.length && !$('add-dialog').open) complain(refused[0].error);
  return [fresh.length, images.length - fresh.length, refused.length];
}

function report(title, [added, known, refused]) {
  const text = [`${plural(added, 'picture', 'pictures')} added`, known && `${known} there already`, refused && `${refused} refused`].filter(Boolean).join(', ');
  note(title, `${text}.`);
  say(`${text}.`, $('add-dialog').open);
  if (added) rerun();
}

async function addFiles(all) {
  const files = all.filter(isPicture);
  const sum = [0, 0, all.length - files.length];
  if (!files.length) {
    complain({ what: 'There are no pictures among these files.', remedy: 'Choose JPEG, PNG, TIFF, WebP, BMP or GIF files.' });
    return;
  }
  const limit = project.limits.fileBytes || Infinity;
  for (const file of files.filter(f => f.size > limit)) {
    sum[2]++;
    const error = { what: `The file has ${Math.round(file.size / 1e6)} MB, more than the ${Math.round(limit / 1e6)} that are taken.`, remedy: 'Make it smaller.' };
    note(refusalLine({ name: file.name, error }));
  }
  const fitting = files.filter(f => f.size <= limit);
  const progress = el('li', {});
  $('add-result').append(progress);
  try {
    for (let i = 0; i < fitting.length; i += batch) {
      progress.textContent = `Adding ${i + 1} of ${fitting.length}…`;
      const counts = take(await upload('/api/images', fitting.slice(i, i + batch)));
      counts.forEach((n, k) => { sum[k] += n; });
    }
    report('', sum);
  } catch (error) {
    complain(error);
  }
  progress.remove();
}

async function addFolder() {
  const path = $('add-path').value.trim();
  $('add-folder').disabled = true;
  const line = el('li', {}, 'Reading the folder…');
  $('add-result').append(line);
  try {
    report(path ? `${path}: ` : '', take(await call('POST', '/api/folder', { path })));
  } catch (error) {
    note(refusalLine({ name: path || 'The folder', error }));
  }
  line.remove();
  $('add-folder').disabled = false;
}

// filesIn returns the files of what was dropped, also those in folders.
async function filesIn(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const files = [];
  const walk = async entry => {
    if (entry.isFile) {
      files.push(await new Promise((done, failed) => entry.file(done, failed)));
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) return;
      for (const each of some) await walk(each);
    }
  };
  for (const entry of entries) await walk(entry);
  return files;
}

export function setUp() {
  $('add').title = 'Add pictures (I)';
  $('add').onclick = () => {
    $('add-result').replaceChildren();
    $('add-root').hidden = !project.root;
    $('add-dialog').showModal();
  };
  for (const kind of ['files', 'tree']) {
    const input = $(`add-${kind}-input`);
    $(`add-${kind}`).onclick = () => input.click();
    input.onchange = () => {
      addFiles([...input.files]);
      input.value = '';
    };
  }
  $('add-folder').onclick = addFolder;
  $('add-path').onkeydown = event => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    addFolder();
  };
  let depth = 0;
  const files = event => event.dataTransfer?.types.includes('Files');
  const over = by => event => {
    if (!files(event)) return;
    event.preventDefault();
    depth += by;
    $('drop').hidden = depth <= 0;
  };
  document.addEventListener('dragenter', over(1));
  document.addEventListener('dragleave', over(-1));
  document.addEventListener('dragover', over(0));
  document.addEventListener('drop', async event => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    $('drop').hidden = true;
    addFiles(await filesIn(event.dataTransfer));
  });
}
