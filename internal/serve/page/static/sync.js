// Brings the page to what the server has.

import { call } from './api.js';
import { neighbor } from './order.js';
import { stamp, take, view } from './store.js';

let going = null;

// reload gets the server's state; again if this page changed something meanwhile.
export function reload() {
  going ??= (async () => {
    for (;;) {
      const asked = stamp();
      if (!take(await call('GET', '/api/state'), asked)) continue;
      view.image ??= neighbor(0);
      return;
    }
  })().finally(() => { going = null; });
  return going;
}
