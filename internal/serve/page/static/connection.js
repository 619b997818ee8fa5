// Whether the server answers. When it does not, the page says so and asks again until it
// does; what waits for it goes on then.

import { $ } from './dom.js';
import { say } from './say.js';

let away = null; // a promise while the server is away
const returns = [];

// onReturn is called when the server answers again: it may have been started anew.
export const onReturn = fn => returns.push(fn);

export const isAway = () => away !== null;

// lost says that a request got no answer, and returns when there is one again.
export function lost() {
  if (away) return away;
  const banner = $('banner');
  banner.textContent = 'The server does not answer. If it was stopped, start hdmnet serve again with the same project: '
    + 'what it confirmed is on its disk, and marks that were not saved yet are kept here. This page goes on by itself.';
  banner.hidden = false;
  away = (async () => {
    for (let wait = 400; ; wait = Math.min(wait * 1.5, 3000)) {
      await new Promise(done => setTimeout(done, wait));
      try {
        const answer = await fetch('/api/state', { cache: 'no-store' });
        if (answer.status < 500) break;
      } catch { /* still away */ }
    }
    away = null;
    banner.hidden = true;
    say('The server is back.');
    for (const fn of returns) fn();
  })();
  return away;
}
