// Elements, and how numbers and times are written.

// h makes an element: h('p', {class: 'dim', onclick: f}, 'text', child). What is null or false is left out.
export function h(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

// s makes an element of a drawing.
export function s(tag, attributes, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function filled(e, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

// text changes what an element says only where it says something else: the page is drawn several times a second.
export function text(e, value) {
  if (e.textContent !== value) e.textContent = value;
}

const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat('en');

export function number(v) {
  if (v === null || v === undefined || Number.isNaN(v)) return '–';
  if (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e7)) return v.toExponential(2);
  return short.format(v);
}

export const count = (n) => whole.format(n ?? 0);

export function duration(seconds) {
  if (!(seconds >= 0)) return '–';
  if (seconds < 1) return 'under 1 s';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

// when says how far a time is from now, as an element that has the time itself as its title.
export function when(iso) {
  if (!iso) return h('span', { class: 'dim' }, '–');
  const at = new Date(iso);
  return h('time', { datetime: iso, title: at.toLocaleString() }, relative(at));
}

export function relative(at) {
  const seconds = (at - Date.now()) / 1000;
  if (Math.abs(seconds) < 2) return 'now';
  return seconds > 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`;
}

export function bytes(n) {
  return n >= 1 << 30 ? `${number(n / (1 << 30))} GiB` : `${number(n / (1 << 20))} MiB`;
}

// The measures that say most, by type: the first one stands for the version.
export const measures = {
  regression: ['r2', 'rmse', 'mae', 'baselineRmse'],
  classification: ['accuracy', 'f1', 'auc', 'precision', 'recall', 'loss', 'baselineAccuracy'],
  timeseries: ['mape', 'rmse', 'mae', 'r2', 'seasonalRmse', 'baselineRmse'],
  'neural-network': ['r2', 'accuracy', 'rmse', 'mae', 'f1', 'auc', 'loss', 'baselineRmse', 'baselineAccuracy'],
};

const words = { r2: 'R²', rmse: 'RMSE', mae: 'MAE', mse: 'MSE', mape: 'MAPE', f1: 'F1', auc: 'AUC', accuracy: 'Accuracy', precision: 'Precision',
  recall: 'Recall', loss: 'Loss', baselineRmse: 'RMSE of a trivial guess', baselineMae: 'MAE of a trivial guess',
  baselineAccuracy: 'Accuracy of a trivial guess', seasonalRmse: 'RMSE of last season’s values', seasonalMae: 'MAE of last season’s values', season: 'Season' };
const shares = new Set(['accuracy', 'precision', 'recall', 'baselineAccuracy']);
const moreIsBetter = new Set(['r2', 'accuracy', 'f1', 'auc', 'precision', 'recall']);

export const measureName = (name) => words[name] ?? name;
export const better = (name, a, b) => (moreIsBetter.has(name) ? a > b : a < b);

export function measure(name, value) {
  if (value === null || value === undefined) return '–';
  if (shares.has(name)) return `${number(100 * value)} %`;
  return name === 'mape' ? `${number(value)} %` : number(value);
}

// best returns the name of the measure that stands for a version; undefined where there is none.
export const best = (type, metrics) => (measures[type] ?? []).find((name) => metrics?.[name] !== undefined);
