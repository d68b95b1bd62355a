// The page: which view is shown, what all views share, and the stream of what has changed.
import { listen } from './api.js';
import { errorsView } from './errors.js';
import { h, text } from './dom.js';
import { modelView } from './model.js';
import { modelsView } from './models.js';
import { systemView } from './system.js';

// What the server has told so far.
const state = { models: new Map(), plant: null, errors: [], known: false };

const main = document.getElementById('main');
let view = null;

// A view has an element, and may have update(state) and leave().
function route() {
  const [, first, name, , version] = location.hash.replace(/^#/, '').split('/').map(decodeURIComponent);
  view?.leave?.();
  if (first === 'models' && name) view = modelView(name, Number(version) || 0);
  else if (first === 'system') view = systemView();
  else if (first === 'errors') view = errorsView();
  else view = modelsView();
  main.replaceChildren(view.element);
  document.title = view.title ? `${view.title} – Retrain` : 'Retrain';
  for (const a of document.querySelectorAll('nav a[href^="#"]')) {
    if (a.hash === `#/${['system', 'errors'].includes(first) ? first : ''}`) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
  }
  view.update?.(state);
}

let due = false;

// changed draws the view anew, at most once for each time that the screen is painted.
function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    view?.update?.(state);
    const badge = document.getElementById('error-count');
    badge.hidden = state.errors.length === 0;
    text(badge, String(state.errors.length));
  });
}

const link = document.getElementById('link');
function linked(up, why) {
  link.className = up ? 'up' : 'down';
  text(link, up ? 'live' : `${why}; trying again …`);
}

const told = {
  link: linked,
  models({ all, models, gone }) {
    if (all) state.models.clear();
    for (const m of models) state.models.set(m.model, m);
    for (const name of gone ?? []) state.models.delete(name);
    state.known = true;
    linked(true);
    changed();
  },
  plant(plant) { state.plant = plant; changed(); },
  errors(errors) { state.errors = errors; changed(); },
  problem({ error, detail, hint }) { linked(false, [error ?? detail, hint].filter(Boolean).join(': ')); },
};

// A page that nobody sees listens to nothing.
let deaf = null;
function hear() {
  if (document.hidden) { deaf?.(); deaf = null; view?.pause?.(); } else { deaf ??= listen('/v1/stream?changes=true', told); view?.resume?.(); }
}
document.addEventListener('visibilitychange', hear);

// Colours: as the system has them, or as the person says.
const themes = { system: ['◐', 'as the system has them'], light: ['☀', 'light'], dark: ['☾', 'dark'] };
const toggle = document.getElementById('theme');
function paint(theme) {
  const [sign, name] = themes[theme] ?? themes.system;
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
  text(toggle, sign);
  toggle.setAttribute('aria-label', `Colours: ${name}`);
  toggle.title = `Colours: ${name}`;
}
toggle.addEventListener('click', () => {
  const order = Object.keys(themes);
  const next = order[(order.indexOf(localStorage.getItem('retrain-theme') ?? 'system') + 1) % order.length];
  localStorage.setItem('retrain-theme', next);
  paint(next);
});
paint(localStorage.getItem('retrain-theme') ?? 'system');

// A press of "/" goes to where one can type.
document.addEventListener('keydown', (e) => {
  if (e.key !== '/' || e.ctrlKey || e.metaKey || e.target.matches('input, select, textarea')) return;
  const search = main.querySelector('input[type=search]');
  if (search) { e.preventDefault(); search.focus(); }
});

window.addEventListener('hashchange', () => { route(); main.focus({ preventScroll: true }); scrollTo(0, 0); });
document.querySelector('.skip').addEventListener('click', (e) => { e.preventDefault(); main.focus(); });
main.append(h('p', { class: 'dim' }, 'loading …'));
route();
hear();
