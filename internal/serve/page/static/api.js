// Requests to the server.

import { lost } from './connection.js';

// Refusal is an answer with an error: what went wrong, and what to do.
export class Refusal extends Error {
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

// request waits while the server is away and then asks again. All requests may be repeated:
// they say what shall be, not what to change.
async function request(path, options) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, { cache: 'no-cache', ...options });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      await lost();
      continue;
    }
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
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
  return content(await request(path, options));
}

// blob returns the bytes of an answer: a picture, an archive.
export async function blob(path, { method = 'GET', body, signal, cache = 'no-cache' } = {}) {
  const options = { method, signal, cache };
  if (body !== undefined) {
    options.headers = { 'Content-Type': 'application/json' };
    options.body = JSON.stringify(body);
  }
  return (await request(path, options)).blob();
}

// upload sends files as they are.
export async function upload(path, files) {
  const form = new FormData();
  for (const file of files) form.append('file', file, file.webkitRelativePath || file.name);
  return content(await request(path, { method: 'POST', body: form }));
}
