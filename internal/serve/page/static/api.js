// Requests to the server.

import { lost } from './connection.js';

// Refusal is an answer with an error: what went wrong, and what to do.
class Refusal extends Error {
  constructor(status, what, remedy) {
    super(what);
    this.status = status;
    this.what = what;
    this.remedy = remedy ?? '';
  }
}

async function refusal(answer) {
  let error = null;
  try {
    error = (await answer.json()).error;
  } catch { /* not from hdmnet */ }
  return new Refusal(answer.status, error?.what ?? `The server answered ${answer.status} ${answer.statusText}.`,
    error?.remedy ?? 'Try again; what hdmnet serve printed may say more.');
}

// request waits while the server is away and then asks again: requests say what shall be, not
// what to change. (A class that was made before the answer got lost is refused the second
// time, and is in the list.) read takes the body, which may also break off.
async function request(path, options, read) {
  for (let times = 0; times < 5; times++) {
    let answer;
    try {
      answer = await fetch(path, { cache: 'no-cache', ...options });
      if (answer.ok) return await read(answer);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      await lost();
      continue;
    }
    throw await refusal(answer);
  }
  throw new Refusal(0, `The answer to ${path.split('?')[0]} broke off several times.`, 'What hdmnet serve printed may say why.');
}

async function content(answer) {
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

// call sends body, if there is one, as JSON, and returns the JSON of the answer.
export async function call(method, path, body, signal) {
  const options = { method, signal };
  if (body !== undefined) {
    options.headers = { 'Content-Type': 'application/json' };
    options.body = JSON.stringify(body);
  }
  return request(path, options, content);
}

// blob returns the bytes of an answer: a picture, an archive.
export async function blob(path, { method = 'GET', body, signal, cache = 'no-cache' } = {}) {
  const options = { method, signal, cache };
  if (body !== undefined) {
    options.headers = { 'Content-Type': 'application/json' };
    options.body = JSON.stringify(body);
  }
  return request(path, options, answer => answer.blob());
}

// upload sends files as they are.
export async function upload(path, files) {
  const form = new FormData();
  for (const file of files) form.append('file', file, file.webkitRelativePath || file.name);
  return request(path, { method: 'POST', body: form }, content);
}
