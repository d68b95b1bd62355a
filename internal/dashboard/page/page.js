// The page shows what /v1/stream sends: the whole state, each time something in it changed.
const list = document.getElementById('models');
const shape = document.getElementById('model');
const cards = new Map();

const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });

function duration(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

function card(name) {
  const li = shape.content.firstElementChild.cloneNode(true);
  const parts = { li };
  for (const e of li.querySelectorAll('*')) {
    for (const key of Object.keys(e.dataset)) parts[key] = e;
  }
  parts.name.textContent = name;
  parts.train.setAttribute('aria-label', `Train ${name} now`);
  parts.train.addEventListener('click', () => train(name));
  cards.set(name, parts);
  return parts;
}

async function train(name) {
  const notice = document.getElementById('notice');
  notice.hidden = true;
  let text;
  try {
    const answer = await fetch(`/v1/models/${encodeURIComponent(name)}/train`, { method: 'POST' });
    if (answer.ok) return;
    text = (await answer.json()).error;
  } catch {
    text = 'the server does not answer';
  }
  notice.textContent = `${name}: ${text}`;
  notice.hidden = false;
}

function show(parts, model) {
  parts.state.textContent = model.state;
  parts.state.className = `state ${model.state}`;
  parts.version.textContent = model.version ? `version ${model.version}` : 'no version yet';

  const every = model.trainAfterInserts;
  parts.insertsRow.hidden = !every && !model.insertsSinceTraining;
  parts.inserts.hidden = !every;
  if (every) {
    parts.inserts.max = every;
    parts.inserts.value = model.insertsSinceTraining;
    const missing = Math.max(0, every - model.insertsSinceTraining);
    parts.insertsText.textContent = missing > 0 ? `${missing} more of ${every} inserts` : `enough inserts came (${model.insertsSinceTraining})`;
  } else {
    parts.insertsText.textContent = `not by inserts; ${model.insertsSinceTraining} came`;
  }

  parts.intervalRow.hidden = !model.nextIntervalAt;
  if (model.nextIntervalAt) {
    const at = new Date(model.nextIntervalAt);
    parts.interval.textContent = `${at.toLocaleString()}, in ${duration((at - Date.now()) / 1000)}`;
  }

  const run = model.run;
  parts.runRow.hidden = !run;
  if (run) {
    parts.run.textContent = `Run ${run.run}`;
    const begun = run.currentEpoch > 0;
    if (begun) parts.progress.value = run.progressPercentage; else parts.progress.removeAttribute('value');
    const words = [begun ? `epoch ${run.currentEpoch} of ${run.totalEpochs}` : run.state === 'queued' ? 'waits for a worker' : 'begins'];
    for (const [name, value] of Object.entries(run.evalMetrics ?? run.trainMetrics ?? {})) words.push(`${name} ${number.format(value)}`);
    if (begun && run.estimatedRemainingSeconds > 0) words.push(`${duration(run.estimatedRemainingSeconds)} left`);
    parts.progressText.textContent = words.join(' · ');
  }

  parts.errorRow.hidden = !model.lastError;
  const next = [model.lastError ?? ''];
  if (model.rowsMissing) next.push(`waits for ${model.rowsMissing} more rows`);
  if (model.retryAt) next.push(`tries again at ${new Date(model.retryAt).toLocaleTimeString()}`);
  parts.error.textContent = next.join(' · ');
}

function render({ models }) {
  document.getElementById('empty').hidden = models.length > 0;
  const names = new Set(models.map((m) => m.model));
  for (const [name, parts] of cards) {
    if (!names.has(name)) { parts.li.remove(); cards.delete(name); }
  }
  models.forEach((model, i) => {
    const parts = cards.get(model.model) ?? card(model.model);
    show(parts, model);
    if (list.children[i] !== parts.li) list.insertBefore(parts.li, list.children[i] ?? null);
  });
}

const link = document.getElementById('link');
const source = new EventSource('/v1/stream');
source.addEventListener('open', () => { link.textContent = 'live'; });
source.addEventListener('error', () => { link.textContent = 'the server does not answer; trying again …'; });
source.addEventListener('status', (e) => render(JSON.parse(e.data)));
source.addEventListener('problem', (e) => { link.textContent = JSON.parse(e.data).error; });
