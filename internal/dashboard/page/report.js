// A report: one version on a page of its own, drawn from what is written in it.
import { best, h, measure, measureName, number } from './dom.js';
import { portrait, verdict } from './version.js';

const told = JSON.parse(document.getElementById('told').textContent);
const at = (iso) => new Date(iso).toLocaleString();

function others(p, versions) {
  const first = best(p.type, p.metrics);
  if (versions.length < 2 || !first) return '';
  const row = (v) => h('tr', { class: v.version === p.version ? 'champion' : null }, h('th', { scope: 'row' }, String(v.version), v.champion && h('span', { class: 'badge' }, 'serves')),
    h('td', { class: 'value' }, measure(first, v.metrics?.[first])), h('td', { class: 'value' }, number(v.samples)), h('td', {}, at(v.trainedAt)));
  return h('section', { class: 'card' }, h('h3', {}, 'Beside the other versions'), h('div', { class: 'scroll' }, h('table', { class: 'list' },
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Version'), h('th', { scope: 'col', class: 'value' }, measureName(first)), h('th', { scope: 'col', class: 'value' }, 'Rows'), h('th', { scope: 'col' }, 'Asked for'))),
    h('tbody', {}, versions.map(row)))));
}

const p = told.portrait;
document.getElementById('report').replaceChildren(
  h('div', { class: 'title' }, h('h1', {}, `${p.model}, version ${p.version} `), p.champion ? h('span', { class: 'state trained' }, 'serves') : verdict(p.state, p.why)),
  h('p', { class: 'dim' }, `${p.type} of ${p.resource}, as things stood on ${at(told.at)}`), portrait(p), others(p, told.versions));
for (const time of document.querySelectorAll('time')) time.textContent = time.title;
