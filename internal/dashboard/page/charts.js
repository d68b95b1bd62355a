// Drawings, made by hand: lines, points and bars are all that is needed, and they follow the page's colours.
import { h, number, s } from './dom.js';

const room = { top: 12, right: 14, bottom: 34, left: 56 };

// chart returns a drawing that is as wide as its place; draw is given the width, and again whenever that changes. put draws it anew.
export function chart(label, height, draw) {
  const svg = s('svg', { role: 'img', 'aria-label': label, height });
  const place = h('div', { class: 'chart' }, svg);
  let width = 0;
  let drawn = draw;
  const paint = () => {
    if (width < 60) return;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.replaceChildren(...drawn(width, height).flat().filter(Boolean));
  };
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (now !== width) { width = now; paint(); }
  }).observe(place);
  place.put = (next, says) => { drawn = next; if (says) svg.setAttribute('aria-label', says); paint(); };
  return place;
}

// scale maps a range of values to one of pixels.
function scale(low, high, from, to, log) {
  const f = log ? Math.log10 : (v) => v;
  const a = f(low);
  const b = f(high) - a || 1;
  return (v) => from + ((f(v) - a) / b) * (to - from);
}

export function ticks(low, high, about) {
  const raw = (high - low) / about || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((m) => m * power >= raw) * power;
  const list = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) list.push(Number((i * step).toPrecision(12)));
  return list;
}

function logTicks(low, high) {
  const list = [];
  for (let e = Math.ceil(Math.log10(low) - 1e-9); 10 ** e <= high * 1.0001; e++) list.push(10 ** e);
  return list.length >= 2 ? list : [low, high];
}

function range(values, pad) {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
  if (low === Infinity) return [0, 1];
  const more = (high - low || Math.abs(high) || 1) * pad;
  return [low - more, high + more];
}

// axes returns the frame: lines across at the ticks of y, numbers at both, and what they mean.
function axes({ width, height, x, y, xTicks, yTicks, xName, yName }) {
  const bottom = height - room.bottom;
  return [
    yTicks.map((v) => s('line', { class: 'grid', x1: room.left, x2: width - room.right, y1: y(v), y2: y(v) })),
    yTicks.map((v) => s('text', { class: 'tick', x: room.left - 6, y: y(v) + 4, 'text-anchor': 'end' }, number(v))),
    xTicks.map((v) => s('text', { class: 'tick', x: x(v), y: bottom + 16, 'text-anchor': 'middle' }, number(v))),
    s('line', { class: 'axis', x1: room.left, x2: width - room.right, y1: bottom, y2: bottom }),
    s('text', { class: 'name', x: width - room.right, y: height - 4, 'text-anchor': 'end' }, xName),
    yName && s('text', { class: 'name', x: 4, y: 10 }, yName),
  ].flat();
}

const path = (points, x, y) => points.map(([a, b], i) => `${i ? 'L' : 'M'}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join('');

// legend says which line is which, and each one's last value.
export function legend(entries) {
  return h('ul', { class: 'legend' }, entries.map(([css, name, value]) => h('li', { class: css }, h('span', { class: 'swatch', 'aria-hidden': 'true' }), name, value !== undefined && h('b', {}, value))));
}

// lines draws series, each {css, points: [[x, y]]}, and a band {points: [[x, low, high]]} behind them. With log, y is logarithmic
// where that shows more.
export function lines({ series, band, xName, yName, log, upTo }) {
  return (width, height) => {
    const points = series.flatMap((one) => one.points);
    const values = points.map((p) => p[1]).concat(band ? band.points.flatMap((p) => [p[1], p[2]]) : []);
    const positive = values.every((v) => v > 0);
    const logarithmic = log && positive && Math.max(...values) / Math.min(...values) > 30;
    const [low, high] = logarithmic ? [Math.min(...values) / 1.2, Math.max(...values) * 1.2] : range(values, 0.06);
    const xs = range(points.map((p) => p[0]), 0);
    if (upTo) xs[1] = Math.max(xs[1], upTo);
    if (xs[0] === xs[1]) xs[1] += 1;
    const x = scale(xs[0], xs[1], room.left, width - room.right);
    const y = scale(low, high, height - room.bottom, room.top + 8, logarithmic);
    const yTicks = logarithmic ? logTicks(low, high) : ticks(low, high, height / 50);
    return [
      axes({ width, height, x, y, xTicks: ticks(xs[0], xs[1], width / 90).filter((v) => !upTo || Number.isInteger(v)), yTicks, xName, yName: logarithmic ? `${yName} (logarithmic)` : yName }),
      band && s('path', { class: 'band', d: `${path(band.points.map(([a, , b]) => [a, b]), x, y)}${path([...band.points].reverse().map(([a, b]) => [a, b]), x, y).replace('M', 'L')}Z` }),
      series.map((one) => s('path', { class: `line ${one.css}`, d: path(one.points, x, y) })),
      series.map((one) => one.points.length > 0 && one.dot && s('circle', { class: `dot ${one.css}`, cx: x(one.points.at(-1)[0]), cy: y(one.points.at(-1)[1]), r: 3.5 })),
    ];
  };
}

// scatter draws points, with the line y = x or y = 0, and a band of so much above and below that.
export function scatter({ points, diagonal, around, xName, yName }) {
  return (width, height) => {
    let xs = range(points.map((p) => p[0]), 0.04);
    let ys = range(points.map((p) => p[1]).concat(around ? [around, -around].map((a) => (diagonal ? points[0]?.[1] ?? 0 : a)) : [], diagonal ? [] : [0]), 0.06);
    if (diagonal) { xs = [Math.min(xs[0], ys[0]), Math.max(xs[1], ys[1])]; ys = xs; }
    const x = scale(xs[0], xs[1], room.left, width - room.right);
    const y = scale(ys[0], ys[1], height - room.bottom, room.top + 8);
    const ends = diagonal ? [[xs[0], xs[0]], [xs[1], xs[1]]] : [[xs[0], 0], [xs[1], 0]];
    const clip = (v) => Math.min(Math.max(v, ys[0]), ys[1]);
    const edge = around && [...ends.map(([a, b]) => [a, clip(b + around)]), ...[...ends].reverse().map(([a, b]) => [a, clip(b - around)])];
    return [
      axes({ width, height, x, y, xTicks: ticks(xs[0], xs[1], width / 90), yTicks: ticks(ys[0], ys[1], height / 50), xName, yName }),
      edge && s('path', { class: 'band', d: `${path(edge, x, y)}Z` }),
      s('path', { class: 'line reference', d: path(ends, x, y) }),
      points.map(([a, b]) => s('circle', { class: 'point', cx: x(a).toFixed(1), cy: y(b).toFixed(1), r: 3 })),
    ];
  };
}

// bars is a list of names with a bar each, as a table: [[name, value, css]]. Marks are values with a name.
export function bars(label, entries, { most, marks = [], say = number } = {}) {
  const top = most ?? Math.max(...entries.map(([, v]) => Math.abs(v)), 1e-12);
  const bar = (name, value, css) => {
    const length = Math.max(0, Math.min(100, (100 * Math.abs(value)) / top));
    return h('tr', {}, h('th', { scope: 'row' }, name),
      h('td', { class: 'bar' }, s('svg', { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        s('rect', { class: 'track', width: 100, height: 10 }), s('rect', { class: `fill ${value < 0 ? 'negative' : css ?? ''}`, width: length, height: 10 }),
        marks.map((m) => s('line', { class: 'mark', x1: (100 * m) / top, x2: (100 * m) / top, y1: 0, y2: 10 })))),
      h('td', { class: 'value' }, say(value)));
  };
  return h('table', { class: 'bars', 'aria-label': label }, h('tbody', {}, entries.map((e) => bar(...e))));
}
