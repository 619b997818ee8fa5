// Runs: one at a time for a person, masks come as they are ready, what is visible first.

import { call } from './api.js';
import { isAway } from './connection.js';
import { $, plural } from './dom.js';
import { visible } from './order.js';
import { attempt, complain, say } from './say.js';
import { changed, failures, maskOf, on, project, putMask, supportOf, supportsOf, touched, view } from './store.js';
import { reload } from './sync.js';

// run is the one that this page watches: {id, classes, waiting, done, total, seen, source}.
export let run = null;

// waits tells whether a picture's mask is still to come.
export const waits = (image, klass) => !!run?.waiting.has(image) && run.classes.includes(klass) && !run.seen.has(`${image}/${klass}`)
  && !supportOf(image, klass);

// ready are the classes that have a support.
export const ready = () => project.classes.filter(c => supportsOf(c.id).length > 0).map(c => c.id);

// left are the pictures in which a class was not looked for yet, or with other supports.
export function left(classes) {
  return project.images.map(image => image.id).filter(id => classes.some(klass => {
    const mask = maskOf(id, klass);
    return !supportOf(id, klass) && (!mask || mask.stale);
  }));
}

// start finds classes in the pictures that are left; if there are none, in all once more.
export async function start(classes = ready()) {
  const before = run;
  stop();
  classes = [...new Set([...before?.classes ?? [], ...classes])].filter(id => supportsOf(id).length > 0);
  if (!classes.length || project.images.length < 2) return;
  failures.clear();
  await attempt(async () => {
    if (before) await call('DELETE', `/api/jobs/${before.id}`).catch(() => {});
    const job = await call('POST', '/api/run', { classes, queries: left(classes) });
    touched();
    watch(job, classes);
    first();
  });
}

// rerun is what follows a change of supports, if the person wants that.
export function rerun(classes = ready()) {
  if (view.auto) start(classes);
}

export async function cancel() {
  if (!run) return;
  await attempt(() => call('DELETE', `/api/jobs/${run.id}`));
}

// first asks for the pictures that are seen before the others.
function first() {
  if (!run || isAway()) return;
  const queries = visible().filter(id => run.classes.some(klass => waits(id, klass)));
  if (queries.length) call('POST', `/api/jobs/${run.id}/first`, { queries }).catch(() => {});
}

function stop() {
  run?.source.close();
  project.jobs = project.jobs.filter(job => job.id !== run?.id);
  run = null;
  changed('jobs', 'masks');
}

function watch(job, classes) {
  stop();
  const source = new EventSource(`/api/jobs/${job.id}/events`);
  const waiting = new Set(left(classes).length ? left(classes) : project.images.map(image => image.id));
  const mine = run = { id: job.id, classes, waiting, done: job.done ?? 0, total: job.total ?? 0, seen: new Set(), source };
  const event = (name, fn) => source.addEventListener(name, message => { if (run === mine) fn(JSON.parse(message.data)); });
  event('progress', ({ done, total }) => {
    Object.assign(mine, { done, total });
    changed('jobs');
  });
  event('mask', mask => {
    mine.seen.add(`${mask.image}/${mask.class}`);
    failures.delete(mask.image);
    putMask(mask);
  });
  event('failed', ({ image, error }) => {
    for (const klass of mine.classes) mine.seen.add(`${image}/${klass}`);
    failures.set(image, error);
    changed('masks');
  });
  event('end', ({ state, error }) => {
    const { done, total } = mine;
    stop();
    finished(state, error, done, total);
  });
  source.onerror = () => { if (run === mine) check(mine); };
  changed('jobs', 'masks');
}

// check finds out what became of a run whose events ended: the server may have been started
// anew, and knows it no more. Then what is left is looked for again; what was found is kept.
async function check(mine) {
  mine.source.close();
  await attempt(reload);
  if (run !== mine) return;
  const job = project.jobs.find(j => j.id === mine.id);
  stop();
  if (job) watch(job, mine.classes);
  else if (left(mine.classes).length) start(mine.classes);
}

function finished(state, error, done, total) {
  changed('reload', 'sort');
  if (state === 'failed') complain(error ?? { what: 'The run failed.', remedy: 'Try again.' });
  else if (state === 'canceled') say(`Canceled after ${done} of ${total}. What was found is kept.`);
  else if (failures.size) complain({ what: `${plural(failures.size, 'picture', 'pictures')} could not be searched.`, remedy: 'They are marked in the list; open one to see why.' });
  else say(`Done: ${plural(total, 'mask', 'masks')}.`);
}

// resume watches a run that was going on when the page was loaded.
function resume() {
  if (run) return;
  const job = project.jobs.find(j => j.state === 'running' || j.state === 'queued');
  if (job) watch(job, job.classes ?? ready());
}

let told = 0;

function show() {
  $('job').hidden = !run;
  if (!run) return;
  const { done, total } = run;
  $('job-bar').max = Math.max(1, total);
  $('job-bar').value = done;
  $('job-text').textContent = total ? `${done} of ${total}` : 'Waiting…';
  if (done && Date.now() - told > 4000) {
    told = Date.now();
    say(`${done} of ${total} pictures are done.`, true);
  }
}

export function setUp() {
  on('jobs', () => { resume(); show(); });
  on('viewport', first);
  $('job-cancel').onclick = cancel;
}
