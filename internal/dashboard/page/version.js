// A version, drawn: what it learnt, how good it is, what it gets wrong. The page and reports show the same.
import { bars, chart, legend, lines, scatter } from './charts.js';
import { best, better, count, duration, h, measure, measureName, measures, number, when } from './dom.js';

const card = (title, says, ...content) => h('section', { class: 'card' }, h('h3', {}, title), says && h('p', { class: 'dim' }, says), ...content);

// portrait returns everything that there is to see of a version.
export function portrait(p) {
  return h('div', { class: 'portrait' }, facts(p), h('div', { class: 'cards' }, curves(p), ...judged(p), importance(p), drift(p), layers(p)));
}

// verdict says in words what the gate said.
export function verdict(state, why) {
  const words = { published: 'passed', rejected: 'kept back' };
  return h('span', { class: `verdict ${state ?? ''}` }, words[state] ?? state ?? '–', why && h('span', { class: 'dim' }, ` ${why}`));
}

function facts(p) {
  const own = (measures[p.type] ?? []).filter((name) => p.metrics?.[name] !== undefined);
  const first = best(p.type, p.metrics);
  const beside = (name) => {
    const was = p.championMetrics?.[name];
    if (was === undefined || was === p.metrics[name]) return null;
    return h('span', { class: better(name, p.metrics[name], was) ? 'good' : 'bad' }, ` the one before: ${measure(name, was)}`);
  };
  const asked = `${p.reason === 'manual' ? 'hand' : p.reason}${p.by ? ` (${p.by})` : ''}`;
  return h('section', { class: 'facts' },
    h('dl', { class: 'figures' }, own.map((name) => h('div', { class: name === first ? 'first' : null }, h('dt', {}, measureName(name)), h('dd', {}, measure(name, p.metrics[name]), beside(name))))),
    h('dl', { class: 'plain' },
      pair('Learnt', `${p.target.join(', ')} from ${p.features.join(', ')} of ${p.resource}`),
      pair('Rows', `${count(p.samples)}${p.holdoutRows ? `, ${count(p.holdoutRows)} of them held out to judge by` : ', none held out: the measures are those of rows that it has seen'}${p.skipped ? `; ${count(p.skipped)} left out for a missing value` : ''}`),
      pair('Training', [`${count(p.epochs)} epochs`, p.bestEpoch && `the best is ${p.bestEpoch}`, p.durationSeconds && duration(p.durationSeconds), p.device && `on the ${p.device.toUpperCase()}`].filter(Boolean).join(', ')),
      pair('Asked for', h('span', {}, when(p.requestedAt), ` by ${asked}`)),
      p.continues && pair('Goes on from', `version ${p.continues}`),
      p.origin && pair('Imported from', `${p.origin.from}: ${p.origin.model}`),
      pair('Gate', h('span', {}, verdict(p.state, p.why), h('span', { class: 'dim' }, ` (rule: ${p.promote.rule || 'always'}${p.promote.metric ? `, by ${p.promote.metric}` : ''})`)))));
}

const pair = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));

function curves(p) {
  if (!p.losses?.length) return card('Losses', 'It was not trained here.');
  const entries = [['c1', 'on learnt rows', number(p.losses.at(-1))]];
  if (p.valLosses?.length) entries.push(['c2', 'on held-out rows', number(p.valLosses.at(-1))]);
  return card('Losses', null, legend(entries), chart(`Losses by epoch, ending with ${number(p.losses.at(-1))}`, 230, lines(losses(p.losses, p.valLosses))));
}

// losses returns what lines draws of losses. Of thousands of epochs some are enough.
export function losses(train, validation, epochs, upTo) {
  const step = Math.max(1, Math.floor(train.length / 400));
  const points = (list) => (list ?? []).map((v, i) => [epochs?.[i] ?? i + 1, v]).filter((_, i, all) => i % step === 0 || i === all.length - 1);
  return { series: [{ css: 'c1', points: points(train), dot: Boolean(upTo) }, { css: 'c2', points: points(validation), dot: Boolean(upTo) }], xName: 'epoch', yName: 'loss', log: true, upTo };
}

// judged draws what was predicted beside what was true.
function judged(p) {
  if (p.confusion) return [card('Confusion', 'Rows are what was true, columns what was predicted.', confusion(p.confusion, p.classes ?? []))];
  if (p.classes?.length) return [card('Confusion', `${p.classes.length} classes are too many for a matrix.`)];
  if (!p.diagnosis) return [card('Predictions beside the truth', 'This version was made before such pairs were kept. The next training keeps them.')];
  const some = (t) => (t.actual.length < p.diagnosis.rows ? `${t.actual.length} of ${count(p.diagnosis.rows)} rows` : `${t.actual.length} rows`);
  return p.diagnosis.targets.flatMap((t) => (p.diagnosis.ordered ? [series(p, t, some(t)), residuals(p, t, some(t))] : [truth(p, t, some(t)), residuals(p, t, some(t))]));
}

const width = (p) => p.interval?.halfWidth;
const within = (p) => (p.interval ? `; the band holds ${number(100 * p.interval.level)} %` : '');

function truth(p, t, rows) {
  const points = t.actual.map((a, i) => [a, t.predicted[i]]);
  return card(`Predicted beside true: ${t.target}`, `${rows}${within(p)}`, chart(`Predicted by true ${t.target}, ${rows}`, 260, scatter({ points, diagonal: true, around: width(p), xName: `true ${t.target}`, yName: 'predicted' })));
}

function residuals(p, t, rows) {
  const points = t.actual.map((a, i) => [t.predicted[i], a - t.predicted[i]]);
  return card(`Residuals: ${t.target}`, `true less predicted, ${rows}${within(p)}`, chart(`Residuals of ${t.target} by prediction, ${rows}`, 260, scatter({ points, around: width(p), xName: `predicted ${t.target}`, yName: 'residual' })));
}

function series(p, t, rows) {
  const half = width(p);
  const predicted = t.predicted.map((v, i) => [i + 1, v]);
  return card(`Forecast beside the truth: ${t.target}`, `the last ${rows}, each forecast from those before it${within(p)}`,
    legend([['c1', 'true'], ['c2', 'forecast']]),
    chart(`True and forecast ${t.target}, ${rows}`, 260, lines({ series: [{ css: 'c1', points: t.actual.map((v, i) => [i + 1, v]) }, { css: 'c2', points: predicted }],
      band: half && { points: predicted.map(([i, v]) => [i, v - half, v + half]) }, xName: 'held-out rows, in the order of time', yName: t.target })));
}

const mostClasses = 20;

function confusion(matrix, classes) {
  const sums = matrix.map((row) => row.reduce((a, b) => a + b, 0));
  const name = (i) => classes[i] ?? String(i);
  if (matrix.length > mostClasses) return confused(matrix, sums, name);
  const heat = (n, sum) => `heat${Math.round((10 * n) / Math.max(1, sum))}`;
  const cell = (n, i, j) => h('td', { class: `${heat(n, sums[i])} ${i === j ? 'hit' : ''}`, title: `${name(i)} taken for ${name(j)}: ${count(n)} of ${count(sums[i])}` }, count(n));
  return h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Confusion matrix' }, h('table', { class: 'confusion' },
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'true ↓ predicted →'), matrix.map((_, j) => h('th', { scope: 'col' }, name(j))), h('th', { scope: 'col' }, 'recall'))),
    h('tbody', {}, matrix.map((row, i) => h('tr', {}, h('th', { scope: 'row' }, name(i)), row.map((n, j) => cell(n, i, j)), h('td', { class: 'recall' }, sums[i] ? `${number((100 * row[i]) / sums[i])} %` : '–'))))));
}

// confused lists what is taken for something else most often, where a matrix would be too large.
function confused(matrix, sums, name) {
  const pairs = matrix.flatMap((row, i) => row.map((n, j) => [n, i, j])).filter(([n, i, j]) => n > 0 && i !== j).sort((a, b) => b[0] - a[0]).slice(0, 15);
  if (!pairs.length) return h('p', {}, `All ${count(sums.reduce((a, b) => a + b, 0))} rows were right.`);
  return bars('What is taken for something else most often', pairs.map(([n, i, j]) => [`${name(i)} → ${name(j)}`, n]), { say: count });
}

function importance(p) {
  const entries = Object.entries(p.featureImportance ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 20);
  if (!entries.length) return card('Feature importance', 'It was not measured for this version.');
  return card('Feature importance', `What is lost of ${p.classes?.length ? 'the accuracy' : 'R²'} when a feature is shuffled`, bars('Feature importance', entries));
}

function drift(p) {
  if (!p.champion) return null;
  const says = 'How far the questions lie from what was learnt (population stability index): 0.1 is little, 0.25 is much';
  const entries = Object.entries(p.drift?.psi ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 20);
  if (!entries.length) return card('Drift', 'No predictor has answered enough questions lately to tell (500 rows).');
  const css = (v) => (v >= 0.25 ? 'much' : v >= 0.1 ? 'some' : 'none');
  return card('Drift', `${says}. Measured on ${count(p.drift.rows)} rows.`, bars('Drift', entries.map(([name, v]) => [name, v, css(v)]), { most: Math.max(0.5, entries[0][1]), marks: [0.1, 0.25] }));
}

function layers(p) {
  if (!p.layers?.length) return null;
  return card('Network', `${count(p.parameters)} parameters`, h('div', { class: 'scroll' }, h('table', { class: 'list' },
    h('thead', {}, h('tr', {}, ['Layer', 'Activation', 'Outputs', 'Parameters'].map((t, i) => h('th', { scope: 'col', class: i > 1 ? 'value' : null }, t)))),
    h('tbody', {}, p.layers.map((l) => h('tr', {}, h('td', {}, l.name), h('td', {}, l.activation || '–'), h('td', { class: 'value' }, count(l.output)), h('td', { class: 'value' }, count(l.parameters))))))));
}
