// One model: its run, its versions, what served, and the version that one looks at.
import { cancel, pause, promote, resume, rollback, tell, train } from './act.js';
import { get, listen, of } from './api.js';
import { chart, legend, lines } from './charts.js';
import { better, count, duration, h, measure, measureName, measures, number, text, when } from './dom.js';
import { errorItem } from './errors.js';
import { nextWords } from './models.js';
import { losses, portrait, verdict } from './version.js';

export function modelView(name, chosen) {
  const page = new Model(name, chosen);
  return { element: page.element, title: name, update: (state) => page.update(state), leave: () => page.leave(), pause: () => page.leave(), resume: () => page.hear() };
}

class Model {
  constructor(name, chosen) {
    Object.assign(this, { name, chosen, seen: '', status: null, versions: null, runs: [] });
    this.state = h('span', {});
    this.about = h('p', { class: 'dim' });
    this.buttons = h('div', { class: 'actions' });
    this.banner = h('div', { hidden: true });
    this.now = h('section', { class: 'card now', 'aria-label': 'Training' });
    this.table = h('section', { class: 'card' }, h('p', { class: 'dim' }, 'loading …'));
    this.portrait = h('section', { class: 'looked' });
    this.served = h('section', { class: 'card' });
    this.ran = h('section', { class: 'card' });
    this.element = h('div', { class: 'model' },
      h('p', { class: 'back' }, h('a', { href: '#/' }, '← All models')),
      h('div', { class: 'title' }, h('h1', {}, name, ' '), this.state, this.buttons), this.about, this.banner, this.now, this.table, this.portrait, h('div', { class: 'cards wide' }, this.served, this.ran));
    this.drawNow = nowDrawer(this.now, name);
    this.make();
    this.hear();
  }

  // make makes the buttons; which of them are of use changes.
  make() {
    const button = (label, css, press) => { const b = h('button', { type: 'button', class: css, onclick: () => press(b) }, label); return b; };
    this.do = {
      cancel: button('Cancel the run', 'danger', (b) => cancel(b, this.status?.run?.run)),
      train: button('Train now', 'primary', (b) => train(b, this.name)),
      pause: button('Pause', 'quiet', (b) => pause(b, this.name)),
      resume: button('Resume', 'quiet', (b) => resume(b, this.name)),
      rollback: button('Roll back', 'quiet', async (b) => { if (await rollback(b, this.name, this.status.version)) this.load(); }),
    };
    for (const b of Object.values(this.do)) b.hidden = true;
    this.buttons.append(...Object.values(this.do));
  }

  hear() {
    this.deaf ??= listen(`/v1/stream?model=${encodeURIComponent(this.name)}`, { model: (m) => this.show(m), link: (up, why) => { if (!up && /no model/.test(why)) this.missing(why); } });
  }

  leave() { this.deaf?.(); this.deaf = null; }

  missing(why) {
    this.leave();
    this.element.replaceChildren(h('p', { class: 'back' }, h('a', { href: '#/' }, '← All models')), h('p', { class: 'empty' }, why));
  }

  update(state) {
    const mine = state.errors.filter((e) => e.model === this.name);
    const key = JSON.stringify([mine[0], this.status?.lastError]);
    if (key === this.said) return;
    this.said = key;
    this.banner.hidden = !this.status?.lastError;
    if (!this.banner.hidden) this.banner.replaceChildren(mine.length ? errorItem(mine[0], false) : h('div', { class: 'error' }, h('b', {}, this.status.lastError)));
  }

  show(m) {
    this.status = m;
    text(this.state, m.state);
    this.state.className = `state ${m.state}`;
    text(this.about, `${m.type} of ${m.resource}${m.version ? `, version ${m.version} serves` : ', no version serves yet'}`);
    this.do.cancel.hidden = !m.run;
    this.do.train.hidden = Boolean(m.run);
    this.do.pause.hidden = m.state === 'paused';
    this.do.resume.hidden = m.state !== 'paused';
    this.do.rollback.hidden = !this.canRollBack();
    this.drawNow(m);
    if (!m.lastError) this.banner.hidden = true;
    const seen = `${m.version} ${m.run?.run} ${m.run?.state} ${m.lastError} ${m.state}`;
    if (seen !== this.seen) { this.seen = seen; this.load(); }
  }

  // canRollBack reports whether another version has served before.
  canRollBack() {
    return Boolean(this.status?.version && this.moves?.some((m) => m.version && m.version !== this.status.version));
  }

  // load reads what the stream does not send: what is stored of versions, runs and moves.
  async load() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    try {
      const [versions, runs, history] = await Promise.all([get(of(this.name, '/versions')), get(of(this.name, '/runs?limit=25')), get(of(this.name, '/history?limit=50'))]);
      if (turn !== this.turn) return;
      this.versions = versions.versions;
      this.runs = runs.runs;
      this.table.replaceChildren(...this.versionTable());
      this.served.replaceChildren(h('h2', {}, 'What served'), served(history.history));
      this.ran.replaceChildren(h('h2', {}, 'Runs'), this.runTable());
      this.moves = history.history;
      this.do.rollback.hidden = !this.canRollBack();
      await this.look();
    } catch (error) {
      tell(error);
    }
  }

  // look shows the version that was chosen, or else the one that serves, or else the newest.
  async look() {
    const version = this.chosen || this.status.version || this.versions[0]?.version;
    const key = `${version} ${this.status.version}`;
    if (!version || key === this.shown) return;
    this.shown = key;
    const p = await get(of(this.name, `/versions/${version}/portrait`));
    this.portrait.replaceChildren(h('h2', { id: 'looked' }, `Version ${version}`, p.champion ? h('span', { class: 'badge' }, 'serves') : ''), portrait(p));
  }

  versionTable() {
    const title = h('h2', {}, 'Versions');
    if (!this.versions.length) return [title, h('p', { class: 'dim' }, 'None yet. The first training makes one.')];
    const type = this.status.type;
    const names = (measures[type] ?? []).filter((n) => this.versions.some((v) => v.metrics?.[n] !== undefined)).slice(0, 5);
    const top = Object.fromEntries(names.map((n) => [n, topOf(n, this.versions)]));
    const numeric = [...names.map(measureName), 'Rows', 'Epochs'];
    const heads = ['Version', 'Gate', ...numeric, 'Asked for', ''];
    return [title, h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Versions' }, h('table', { class: 'list versions' },
      h('thead', {}, h('tr', {}, heads.map((t) => h('th', { scope: 'col', class: numeric.includes(t) ? 'value' : null }, t)))),
      h('tbody', {}, this.versions.map((v) => this.versionRow(v, names, top)))))];
  }

  versionRow(v, names, top) {
    const run = this.runs.find((r) => r.version === v.version);
    const act = h('button', { type: 'button', class: 'quiet', 'aria-label': `Promote version ${v.version}`, onclick: async () => { if (await promote(act, this.name, v.version)) this.load(); } }, 'Promote');
    return h('tr', { class: v.champion ? 'champion' : null },
      h('th', { scope: 'row' }, h('a', { href: `#/models/${encodeURIComponent(this.name)}/versions/${v.version}` }, `${v.version}`), v.champion && h('span', { class: 'badge' }, 'serves'), v.pinned && h('span', { class: 'badge' }, 'pinned')),
      h('td', {}, run ? verdict(run.state, run.why) : '–'),
      names.map((n) => h('td', { class: `value ${v.metrics?.[n] === top[n] ? 'top' : ''}` }, measure(n, v.metrics?.[n]))),
      h('td', { class: 'value' }, count(v.samples)), h('td', { class: 'value' }, count(v.epochs)), h('td', {}, when(v.trainedAt), h('span', { class: 'dim' }, ` ${v.reason}`)),
      h('td', { class: 'do' }, v.champion ? '' : act));
  }

  runTable() {
    if (!this.runs.length) return h('p', { class: 'dim' }, 'None yet.');
    const body = h('tbody', {}, this.runs.map(runRow));
    let last = this.runs.at(-1).number;
    const more = h('button', { type: 'button', class: 'more', hidden: last <= 1 }, 'Earlier runs');
    more.addEventListener('click', async () => {
      more.disabled = true;
      try {
        const { runs } = await get(of(this.name, `/runs?limit=50&before=${last}`));
        body.append(...runs.map(runRow));
        last = runs.at(-1)?.number ?? 1;
        more.hidden = last <= 1;
      } catch (error) { tell(error); }
      more.disabled = false;
    });
    return h('div', { class: 'scroll tall', tabindex: '0', role: 'group', 'aria-label': 'Runs' }, h('table', { class: 'list' }, h('thead', {}, h('tr', {}, ['Run', 'Verdict', 'Why', 'Rows', 'Took', 'Ended'].map((t) => h('th', { scope: 'col', class: ['Rows', 'Took'].includes(t) ? 'value' : null }, t)))), body), more);
  }
}

// topOf returns the best value of a measure, and nothing where all are alike or nobody aims at it.
function topOf(name, versions) {
  const values = versions.map((v) => v.metrics?.[name]).filter((v) => v !== undefined);
  if (/^(baseline|seasonal)/.test(name) || new Set(values).size < 2) return null;
  return values.reduce((a, b) => (better(name, a, b) ? a : b));
}

function runRow(r) {
  return h('tr', {}, h('th', { scope: 'row' }, r.run), h('td', {}, h('span', { class: `state ${r.state}` }, r.state)),
    h('td', {}, r.error ? h('span', { class: 'bad' }, r.error.message, r.error.hint ? h('span', { class: 'dim' }, ` ${r.error.hint}`) : '') : h('span', { class: 'dim' }, r.why || r.reason)),
    h('td', { class: 'value' }, r.samples ? count(r.samples) : '–'), h('td', { class: 'value' }, r.durationSeconds ? duration(r.durationSeconds) : '–'), h('td', {}, when(r.endedAt)));
}

function served(moves) {
  if (!moves.length) return h('p', { class: 'dim' }, 'Nothing yet.');
  return h('ol', { class: 'history scroll tall', tabindex: '0', 'aria-label': 'What served' }, moves.map((m) => h('li', { class: m.until ? null : 'current' },
    h('b', {}, m.version ? `version ${m.version}` : 'nothing'), ' ', m.until ? h('span', {}, `for ${duration((new Date(m.until) - new Date(m.at)) / 1000)}, from `, when(m.at)) : h('span', {}, 'since ', when(m.at)),
    h('span', { class: 'dim' }, ` ${m.why}${m.by ? `, ${m.by}` : ''}`))));
}

// nowDrawer returns what draws the run at work, or what the next one waits for.
function nowDrawer(place) {
  const title = h('h2', {});
  const words = h('p', { class: 'dim' });
  const meter = h('progress', { max: 100 });
  const figures = h('dl', { class: 'figures' });
  const says = h('div', {});
  const curve = chart('Losses so far', 240, () => []);
  curve.hidden = true;
  place.append(title, words, meter, figures, says, curve);
  let last = null; // the curve that was drawn last stays, when its run has ended, until the next one begins
  return (m) => {
    const { run } = m;
    const busy = run && run.state === 'running';
    text(title, busy ? `Training: ${run.run}` : run ? `Waiting: ${run.run}` : 'Next training');
    text(words, nextWords(m));
    meter.hidden = !run && !m.trainAfterInserts;
    const part = run ? run.progressPercentage : 100 * Math.min(1, m.insertsSinceTraining / m.trainAfterInserts);
    if (run && !run.currentEpoch) meter.removeAttribute('value'); else if (!meter.hidden) meter.value = part;
    meter.className = run ? 'busy' : '';
    meter.setAttribute('aria-label', run ? `Progress of ${run.run}` : 'Inserts until the next training');
    figures.replaceChildren(...(busy ? running(run) : waiting(m)).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
    if (run?.curve) last = run; else if (run && last && run.run !== last.run) last = null;
    const c = last?.curve;
    curve.hidden = says.hidden = !c;
    if (!c) return;
    says.replaceChildren(legend([['c1', 'on learnt rows', number(c.losses.at(-1))], ...(c.valLosses ? [['c2', 'on held-out rows', number(c.valLosses.at(-1))]] : [])]));
    curve.put(lines(losses(c.losses, c.valLosses, c.epochs, last.totalEpochs)), `Losses of ${last.run} until epoch ${c.epochs.at(-1)}: ${number(c.losses.at(-1))}`);
  };
}

function running(run) {
  if (!run.currentEpoch) return [];
  return [['Epoch', `${count(run.currentEpoch)} of ${count(run.totalEpochs)}`], ['Done', `${number(Math.round(run.progressPercentage))} %`], ['Left', run.estimatedRemainingSeconds > 0 ? duration(run.estimatedRemainingSeconds) : '–'], ['Rows', count(run.samples)]];
}

function waiting(m) {
  const list = [['Rows since the last', count(m.insertsSinceTraining)]];
  if (m.trainAfterInserts) list.push(['Trains after', `${count(m.trainAfterInserts)} inserts`]);
  if (m.nextIntervalAt) list.push(['By the clock', when(m.nextIntervalAt)]);
  if (m.lastTrainedAt) list.push(['Last trained', when(m.lastTrainedAt)]);
  if (m.failures) list.push(['Failed in a row', count(m.failures)]);
  if (m.retryAt) list.push(['Tries again', when(m.retryAt)]);
  return list;
}

