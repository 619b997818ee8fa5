// Elements in few words.

export const $ = id => document.getElementById(id);

// el makes an element. Attributes with names in "on…" are listeners; null and false are left out.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}

const svg = 'http://www.w3.org/2000/svg';

// drawIcons brings all icons into the page, where they stay when the server is away.
export async function drawIcons() {
  const text = await (await fetch('/static/icons.svg')).text();
  const all = document.importNode(new DOMParser().parseFromString(text, 'image/svg+xml').documentElement, true);
  all.setAttribute('class', 'hidden');
  all.setAttribute('aria-hidden', 'true');
  document.body.prepend(all);
}

export function icon(name) {
  const node = document.createElementNS(svg, 'svg');
  const use = document.createElementNS(svg, 'use');
  node.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#i-${name}`);
  node.append(use);
  return node;
}

// button has a name for those who do not see its icon, and a tooltip with its key.
export function iconButton(name, label, key, onclick, extra = {}) {
  return el('button', {
    type: 'button', class: 'icon', 'aria-label': label, title: key ? `${label} (${key})` : label, onclick, ...extra,
  }, icon(name));
}

export const plural = (n, one, many) => `${n} ${n === 1 ? one : many}`;

// later calls fn once, wait milliseconds after the last call.
export function later(wait, fn) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), wait);
  };
}

// sentence writes what the server says, such as "no folder x", as a sentence.
export function sentence(text) {
  const trimmed = (text ?? '').trim();
  return trimmed && trimmed[0].toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? '' : '.');
}

// told is an error in words: what went wrong, and what to do.
export const told = error => [error.what ?? String(error.message ?? error), error.remedy].map(sentence).filter(Boolean).join(' ');
