// What works: processes, their devices, and what waits in the queues.
import { bytes, count, h, when } from './dom.js';

export function systemView() {
  const workers = h('section', { class: 'card' });
  const queues = h('section', { class: 'card' });
  let drawn = null;
  return {
    title: 'System',
    element: h('div', {}, h('h1', {}, 'System'), workers, queues),
    update({ plant }) {
      if (!plant || plant === drawn) return;
      drawn = plant;
      workers.replaceChildren(h('h2', {}, 'Workers'), workerTable(plant));
      queues.replaceChildren(h('h2', {}, 'Queues'), queueTable(plant.queues), h('p', { class: 'dim' }, h('a', { href: '/monitor' }, 'asynq’s own pages'), ' show each task.'));
    },
  };
}

const table = (label, heads, rows, numeric) => h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': label }, h('table', { class: 'list' }, h('thead', {}, h('tr', {}, heads.map((t, i) => h('th', { scope: 'col', class: numeric && i ? 'value' : null }, t)))), h('tbody', {}, rows)));

function workerTable({ servers, signs }) {
  if (!servers.length) return h('p', { class: 'empty' }, 'No worker serves the queues. Runs and questions wait until one is started: worker train, worker predict.');
  return table('Workers', ['Process', 'Does', 'Busy', 'Devices', 'Version', 'Since'], servers.map((w) => {
    const trains = w.queues.some((q) => q.startsWith('train'));
    const sign = signs.find((one) => one.host === w.host && one.pid === w.pid && one.role === (trains ? 'train' : 'predict'));
    const lanes = w.queues.filter((q) => q.startsWith('train-')).map((q) => q.slice(6));
    return h('tr', {}, h('th', { scope: 'row' }, `${w.host}`, h('span', { class: 'dim' }, ` ${w.pid}`)),
      h('td', {}, trains ? h('span', {}, 'trains', h('span', { class: 'dim' }, ` ${lanes.join(', ')}`)) : h('span', {}, 'predicts', h('span', { class: 'dim' }, ` ${w.queues.join(', ')}`))),
      h('td', {}, h('progress', { max: w.atOnce, value: w.busy, 'aria-label': 'busy' }), ` ${w.busy} of ${w.atOnce}`),
      h('td', {}, devices(sign)), h('td', {}, sign ? h('span', {}, sign.version, h('span', { class: 'dim' }, sign.library ? `, TensorFlow ${sign.library}` : '')) : '–'), h('td', {}, when(w.started)));
  }));
}

function devices(sign) {
  if (!sign?.devices.length) return h('span', { class: 'dim' }, '–');
  const gpus = sign.devices.filter((d) => d.kind === 'GPU');
  if (!gpus.length) return 'CPU';
  return gpus.map((d, i) => h('span', { class: 'badge' }, `GPU ${i}${d.memory ? `, ${bytes(d.memory)}` : ''}`));
}

function queueTable(queues) {
  const busy = queues.filter((q) => q.pending + q.active + q.scheduled + q.retry + q.archived + q.completed > 0);
  const rest = queues.length - busy.length;
  if (!busy.length) return h('p', { class: 'dim' }, `All ${queues.length} are empty.`);
  return h('div', {}, table('Queues', ['Queue', 'Waiting', 'At work', 'To be retried', 'Scheduled', 'Given up', 'Done lately'], busy.map((q) => h('tr', {}, h('th', { scope: 'row' }, q.queue),
    [q.pending, q.active, q.retry, q.scheduled, q.archived, q.completed].map((n, i) => h('td', { class: `value ${i === 4 && n ? 'bad' : ''}` }, count(n))))), true),
  rest > 0 && h('p', { class: 'dim' }, `${rest} more are empty.`));
}
