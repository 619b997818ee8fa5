// Runs: one at a time for a person, masks come as they are ready, what is visible first.

import { call } from './api.js';
import { isAway, onReturn } from './connection.js';
import { $, plural } from './dom.js';
import { attempt, complain, say } from './say.js';
import { changed, failures, imageOf, on, project, putMask, supportsOf, touched, view } from './store.js';
import { visible } from './order.js';

// run is the one that this page watches: {id, classes, done, total, seen, source}.
export let run = null;

// waits tells whether a picture's mask is still to come.
export const waits = (image, klass) => !!run && run.classes.includes(klass) && !run.seen.has(`${image}/${klass}`)
  && !supportsOf(klass).some(s => s.image === image);

export const ready = () => project.classes.filter(c => supportsOf(c.id).length > 0).map(c => c.id);

// start finds classes in all pictures.
export async function start(classes = ready()) {
  classes = classes.filter(id => supportsOf(id).length > 0);
  if (!classes.length || project.images.length < 2) return;
  const before = run;
  stop();
  if (before) classes = [...new Set([...before.classes, ...classes])].filter(id => supportsOf(id).length > 0);
  failures.clear();
  await attempt(async () => {
    if (before) await call('DELETE', `/api/jobs/${before.id}`).catch(() => {});
    const job = await call('POST', '/api/run', { classes, queries: [] });
    touched();
    watch(job, classes);
    first();
  });
}

// rerun is what follows a change of supports, if the person wants that.
export function rerun(classes) {
  if (view.auto) start(classes);
}

export async function cancel() {
  if (!run) return;
  await attempt(() => call('DELETE', `/api/jobs/${run.id}`));
}

// first asks for the pictures that are seen before the others.
export function first() {
  if (!run || isAway()) return;
  const queries = visible().filter(id => run.classes.some(klass => waits(id, klass)));
  if (queries.length) call('POST', `/api/jobs/${run.id}/first`, { queries }).catch(() => {});
}

function stop() {
  run?.source.close();
  run = null;
  changed('jobs', 'masks');
}

export function watch(job, classes) {
  stop();
  const source = new EventSource(`/api/jobs/${job.id}/events`);
  const mine = run = { id: job.id, classes, done: job.done ?? 0, total: job.total ?? 0, seen: new Set(), source };
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
  // The browser asks again by itself unless the server refuses: then it knows the job no more.
  source.onerror = () => {
    if (run !== mine || source.readyState !== EventSource.CLOSED) return;
    stop();
    changed('reload');
  };
  changed('jobs', 'masks');
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
  // A run that was going on when the server ended is asked for again: what it found is kept.
  onReturn(() => {
    if (!run) return;
    const { classes } = run;
    stop();
    changed('reload');
    setTimeout(() => { if (!run && classes.some(id => imageLeft(id))) start(classes); }, 600);
  });
}

const imageLeft = klass => project.images.some(({ id }) => imageOf(id) && !supportsOf(klass).some(s => s.image === id)
  && (!project.masks.has(`${id}/${klass}`) || project.masks.get(`${id}/${klass}`).stale));
