// All models. Hundreds are fine: rows are made once, some at a time, and only what changed is drawn.
import { train } from './act.js';
import { best, count, duration, h, measure, measureName, number, relative, text } from './dom.js';

const some = 100; // rows at first, and how many more each time
const urgency = { failed: 0, running: 1, queued: 2, paused: 3, untrained: 4, trained: 5 };
const orders = {
  name: ['by name', (a, b) => (a.model < b.model ? -1 : 1)],
  urgent: ['what needs a look first', (a, b) => urgency[a.state] - urgency[b.state] || (a.model < b.model ? -1 : 1)],
  next: ['next training first', (a, b) => nearness(b) - nearness(a) || (a.model < b.model ? -1 : 1)],
};

// nearness is how much of what a training waits for has come.
const nearness = (m) => (m.run ? 2 : m.trainAfterInserts ? Math.min(1, m.insertsSinceTraining / m.trainAfterInserts) : -1);

let remembered = { search: '', only: '', order: 'name' };

export function modelsView() {
  const rows = new Map();
  let shown = some;
  let latest = null;
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'Show models that are' });
  const search = h('input', { type: 'search', placeholder: 'Search models ( / )', 'aria-label': 'Search models', value: remembered.search });
  const order = h('select', { 'aria-label': 'Order' }, Object.entries(orders).map(([value, [name]]) => h('option', { value, selected: value === remembered.order }, name)));
  const body = h('tbody', { role: 'rowgroup' }); // styled as boxes: the roles stay a table's
  const more = h('button', { type: 'button', class: 'more' });
  const empty = h('p', { class: 'empty', hidden: true });
  const table = h('table', { class: 'models', role: 'table', 'aria-label': 'Models' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ['Model', 'State', 'Serves', 'Quality', 'Next training', ''].map((t) => h('th', { scope: 'col', role: 'columnheader' }, t)))), body);
  const element = h('div', {}, h('h1', { class: 'hidden' }, 'Models'), chips, h('div', { class: 'tools' }, search, order), empty, table, more);

  const draw = () => latest && update(latest);
  search.addEventListener('input', () => { remembered.search = search.value; shown = some; draw(); });
  order.addEventListener('change', () => { remembered.order = order.value; draw(); });
  more.addEventListener('click', () => { shown += some; draw(); });

  function update(state) {
    latest = state;
    const all = [...state.models.values()];
    drawChips(chips, all, (only) => { remembered.only = only; shown = some; draw(); });
    const needle = remembered.search.trim().toLowerCase();
    const fits = (m) => (!remembered.only || m.state === remembered.only) && (!needle || `${m.model} ${m.type} ${m.resource}`.toLowerCase().includes(needle));
    const list = all.filter(fits).sort(orders[remembered.order][1]);
    place(body, list.slice(0, shown), rows);
    more.hidden = list.length <= shown;
    text(more, `Show more (${count(list.length - shown)} left)`);
    table.hidden = list.length === 0;
    empty.hidden = list.length > 0 || !state.known;
    if (!empty.hidden) text(empty, all.length ? 'No model fits.' : 'No model is declared yet. Write a retrain.yaml and type: producer apply -f retrain.yaml');
  }
  return { element, update };
}

function drawChips(chips, all, choose) {
  const counts = { '': all.length };
  for (const m of all) counts[m.state] = (counts[m.state] ?? 0) + 1;
  for (const state of ['', 'running', 'queued', 'failed', 'paused', 'trained', 'untrained']) {
    let chip = chips.querySelector(`[data-state="${state}"]`);
    if (!chip) {
      chip = h('button', { type: 'button', class: `chip ${state}`, 'data-state': state, onclick: () => choose(remembered.only === state ? '' : state) }, h('b', {}), ` ${state || 'all'}`);
      chips.append(chip);
    }
    text(chip.firstChild, count(counts[state]));
    chip.setAttribute('aria-pressed', String(remembered.only === state));
    chip.classList.toggle('none', !counts[state]);
  }
}

let marked = false; // when the first row is there is told to whoever measures

// place puts the rows of a list into their order, and draws those of models that have changed.
function place(body, list, rows) {
  const wanted = new Set(list.map((m) => m.model));
  for (const [name, row] of rows) {
    if (!wanted.has(name)) { row.element.remove(); rows.delete(name); }
  }
  list.forEach((model, i) => {
    let row = rows.get(model.model);
    if (!row) { row = makeRow(model); rows.set(model.model, row); }
    if (row.model !== model) { row.model = model; row.draw(model); }
    if (!marked) { marked = true; performance.mark('first-row'); }
    if (body.children[i] !== row.element) body.insertBefore(row.element, body.children[i] ?? null);
  });
}

function makeRow({ model, type, resource }) {
  const state = h('span', {});
  const serves = h('span', {});
  const quality = h('span', {});
  const meter = h('progress', { max: 1 });
  const words = h('span', { class: 'words' });
  const button = h('button', { type: 'button', class: 'quiet', 'aria-label': `Train ${model} now`, onclick: () => train(button, model) }, 'Train');
  const element = h('tr', { role: 'row' },
    h('th', { scope: 'row', role: 'rowheader' }, h('a', { href: `#/models/${encodeURIComponent(model)}` }, model), h('span', { class: 'dim' }, `${type} of ${resource}`)),
    h('td', { role: 'cell' }, state), h('td', { role: 'cell', 'data-label': 'Serves' }, serves), h('td', { role: 'cell', 'data-label': 'Quality' }, quality),
    h('td', { role: 'cell', class: 'next' }, meter, words), h('td', { role: 'cell', class: 'do' }, button));
  return { element, model: null, draw: (m) => drawRow(m, { state, serves, quality, meter, words }) };
}

function drawRow(m, { state, serves, quality, meter, words }) {
  text(state, m.state);
  state.className = `state ${m.state}`;
  text(serves, m.version ? `version ${m.version}` : 'nothing yet');
  serves.className = m.version ? '' : 'dim';
  const first = best(m.type, m.metrics);
  text(quality, first ? `${measureName(first)} ${measure(first, m.metrics[first])}` : '–');
  const value = m.run ? (m.run.progressPercentage || 0) / 100 : m.trainAfterInserts ? Math.min(1, m.insertsSinceTraining / m.trainAfterInserts) : null;
  meter.hidden = value === null || (m.state === 'queued' && !value);
  meter.className = m.run ? 'busy' : '';
  if (value !== null) meter.value = value;
  meter.setAttribute('aria-label', m.run ? `Progress of ${m.run.run}` : `Inserts until ${m.model} is trained`);
  text(words, nextWords(m));
}

// nextWords says what a model does now, or waits for.
export function nextWords(m) {
  const { run } = m;
  if (run?.state === 'queued') return run.why || 'waits for a worker';
  if (run && !run.currentEpoch) return 'begins';
  if (run) {
    const loss = run.evalMetrics?.loss ?? run.trainMetrics?.loss;
    return [`epoch ${count(run.currentEpoch)} of ${count(run.totalEpochs)}`, loss !== undefined && `loss ${number(loss)}`, run.estimatedRemainingSeconds > 0 && `${duration(run.estimatedRemainingSeconds)} left`].filter(Boolean).join(' · ');
  }
  if (m.state === 'paused') return `paused ${relative(new Date(m.pausedAt))}${m.pausedBy ? ` by ${m.pausedBy}` : ''}`;
  const waits = [];
  if (m.rowsMissing) waits.push(`${count(m.rowsMissing)} more rows are needed`);
  else if (m.trainAfterInserts) waits.push(`${count(Math.max(0, m.trainAfterInserts - m.insertsSinceTraining + (m.setAside ?? 0)))} more of ${count(m.trainAfterInserts)} inserts`);
  if (m.nextIntervalAt) waits.push(`${waits.length ? 'or ' : ''}${relative(new Date(m.nextIntervalAt))}`);
  if (m.retryAt && new Date(m.retryAt) > Date.now()) waits.push(`not before ${new Date(m.retryAt).toLocaleTimeString()}`);
  return waits.join(', ') || `by hand; ${count(m.insertsSinceTraining)} rows came since the last`;
}
