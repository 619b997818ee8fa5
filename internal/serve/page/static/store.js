// What the page knows: the project as the server has it, and what the person looks at.
// Modules say what they changed, and are called for what they show.

export const project = {
  loaded: false,
  name: '',
  version: '',
  network: null,
  device: '',
  root: false,
  limits: {},
  classes: [],
  images: [],
  supports: [],
  masks: new Map(), // key(image, class) → mask
  jobs: [],
};

export const view = {
  image: null, // id
  klass: null, // id
  tool: 'point',
  width: 0.03, // of brushes, as part of the picture's longer side
  masks: true,
  filter: 'all',
  order: 'name',
  auto: true,
  sliding: null, // class whose threshold is being moved
};

export const failures = new Map(); // image id → {what, remedy}, of the last run

const listeners = new Map();
let pending = null;

// on calls fn, once, after any of the topics changed. What there is: classes, images, supports,
// masks, jobs, marks. What is seen of it: selection, threshold, tool, shown, hint, grid, sort,
// viewport, auto. reload: the server may know more.
export function on(topics, fn) {
  for (const topic of topics.split(' ')) {
    if (!listeners.has(topic)) listeners.set(topic, []);
    listeners.get(topic).push(fn);
  }
}

export function changed(...topics) {
  if (!pending) {
    pending = new Set();
    queueMicrotask(() => {
      const due = new Set();
      for (const topic of pending) for (const fn of listeners.get(topic) ?? []) due.add(fn);
      pending = null;
      for (const fn of due) fn();
    });
  }
  for (const topic of topics) pending.add(topic);
}

export const key = (image, klass) => `${image}/${klass}`;
export const classOf = id => project.classes.find(c => c.id === id) ?? null;
export const imageOf = id => project.images.find(i => i.id === id) ?? null;
export const currentClass = () => classOf(view.klass);
export const currentImage = () => imageOf(view.image);
export const maskOf = (image, klass) => project.masks.get(key(image, klass)) ?? null;
export const supportOf = (image, klass) => project.supports.find(s => s.image === image && s.class === klass) ?? null;
export const supportsOf = klass => project.supports.filter(s => s.class === klass);

let revision = 0;

// touched is called with every change of the server's state that this page made, so that a
// state that was asked for before does not overwrite it.
export const touched = () => { revision++; };
export const stamp = () => revision;

export function take(state, asked) {
  if (asked !== revision) return false;
  Object.assign(project, {
    loaded: true,
    name: state.project?.name ?? '',
    version: state.version ?? '',
    network: state.network ?? null,
    device: state.device ?? '',
    root: !!state.root,
    limits: state.limits ?? {},
    classes: state.classes ?? [],
    images: state.images ?? [],
    supports: state.supports ?? [],
    masks: new Map((state.masks ?? []).map(m => [key(m.image, m.class), m])),
    jobs: state.jobs ?? [],
  });
  if (!imageOf(view.image)) view.image = null;
  if (!classOf(view.klass)) view.klass = project.classes[0]?.id ?? null;
  changed('classes', 'images', 'supports', 'masks', 'jobs', 'selection', 'threshold');
  return true;
}

export function select(image, klass = view.klass) {
  if (image === view.image && klass === view.klass) return;
  view.image = image;
  view.klass = klass;
  changed('selection');
}

export function putMask(mask) {
  touched();
  project.masks.set(key(mask.image, mask.class), mask);
  changed('masks');
}

// age marks what was found with the supports that a class had before. What a person decided
// on stays.
function age(klass) {
  for (const [at, mask] of project.masks) {
    if (mask.class === klass && mask.status === 'proposed' && !mask.corrected) project.masks.set(at, { ...mask, stale: true });
  }
  changed('masks');
}

export function putSupport(support) {
  touched();
  age(support.class);
  project.supports = project.supports.filter(s => s.image !== support.image || s.class !== support.class).concat(support);
  changed('supports');
}

export function dropSupport(image, klass) {
  touched();
  age(klass);
  project.supports = project.supports.filter(s => s.image !== image || s.class !== klass);
  changed('supports');
}
