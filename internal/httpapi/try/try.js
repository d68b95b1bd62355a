// The page shows what /openapi.json describes, and sends requests as curl would.
const said = await (await fetch('/openapi.json')).json();
const main = document.getElementById('operations');
const key = document.getElementById('key');

function el(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

const resolve = (s) => (s?.$ref ? resolve(s.$ref.slice(2).split('/').reduce((at, k) => at[k], said)) : s ?? {});

// example returns a value that a schema allows.
function example(schema, depth = 0) {
  const s = resolve(schema);
  if (s.enum) return s.enum[0];
  if (s.anyOf || s.oneOf) return example((s.anyOf ?? s.oneOf)[0], depth);
  const type = Array.isArray(s.type) ? s.type[0] : s.type;
  switch (type) {
    case 'object': {
      if (!s.properties) return s.additionalProperties === true ? { id: '1' } : {};
      const names = (s.required ?? []).length ? s.required : Object.keys(s.properties).slice(0, 3);
      return depth > 3 ? {} : Object.fromEntries(names.map((n) => [n, example(s.properties[n], depth + 1)]));
    }
    case 'array': return depth > 3 ? [] : [example(s.items, depth + 1)];
    case 'integer': case 'number': return 1;
    case 'boolean': return true;
    case 'string': return s.format === 'date-time' ? '2026-03-01T12:00:00Z' : '';
    default: return {};
  }
}

function field(p) {
  const input = el('input', { name: p.name, autocomplete: 'off' });
  if (p.required) input.required = true;
  return [el('label', {}, `${p.name}${p.required ? '' : ' (optional)'} `, input, el('span', { class: 'dim' }, p.description ? ` ${p.description}` : '')), input];
}

function card(path, method, o) {
  const form = el('form');
  const inputs = (o.parameters ?? []).map((p) => {
    const [label, input] = field(p);
    form.append(label);
    return { ...p, input };
  });
  const json = o.requestBody?.content['application/json'];
  const body = json && el('textarea', { 'aria-label': 'body of the request', spellcheck: 'false' });
  if (body) {
    body.value = JSON.stringify(example(json.schema), null, 2);
    form.append(el('label', {}, 'body', body));
  }
  const out = el('pre', { hidden: '', tabindex: '0' });
  form.append(el('button', {}, 'Send'), out);
  form.addEventListener('submit', (e) => { e.preventDefault(); send(path, method, inputs, body, out); });
  return el('details', { 'data-text': `${method} ${path} ${o.operationId} ${o.summary}`.toLowerCase() },
    el('summary', {}, el('b', {}, method.toUpperCase()), ` ${path} `, el('span', { class: 'dim' }, o.summary)),
    el('p', { class: 'dim' }, o.description ?? 'Needs no key.'), form);
}

async function send(path, method, inputs, body, out) {
  const query = new URLSearchParams();
  const headers = {};
  let at = path;
  for (const { name, in: where, input } of inputs) {
    const value = input.value;
    if (value === '') continue;
    if (where === 'path') at = at.replace(`{${name}}`, encodeURIComponent(value));
    else if (where === 'query') query.set(name, value);
    else headers[name] = value;
  }
  if (key.value) headers.Authorization = `Bearer ${key.value}`;
  if (body) headers['Content-Type'] = 'application/json';
  const url = at + (query.size ? `?${query}` : '');
  out.hidden = false;
  out.textContent = `${method.toUpperCase()} ${url}\n…`;
  const stop = new AbortController();
  try {
    const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body?.value || undefined, signal: stop.signal });
    const head = `${answer.status} ${answer.statusText}  ${answer.headers.get('Content-Type') ?? ''}\n\n`;
    if (answer.headers.get('Content-Type')?.startsWith('text/event-stream')) { await follow(answer, head, out, stop); return; }
    let text = await answer.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is no JSON value */ }
    out.textContent = head + text;
  } catch (e) {
    if (e.name !== 'AbortError') out.textContent = `the server does not answer: ${e.message}`;
  }
}

// follow shows a stream for a minute.
async function follow(answer, head, out, stop) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  setTimeout(() => stop.abort(), 60_000);
  out.textContent = head;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    out.textContent = (out.textContent + value).slice(-20_000);
  }
}

main.replaceChildren();
const groups = new Map();
for (const [path, methods] of Object.entries(said.paths)) {
  for (const [method, o] of Object.entries(methods)) {
    const tag = o.tags[0];
    if (!groups.has(tag)) {
      const section = el('section', {}, el('h2', {}, tag));
      groups.set(tag, section);
    }
    groups.get(tag).append(card(path, method, o));
  }
}
for (const tag of ['resources', 'models', 'runs', 'events', 'keys', 'server']) if (groups.has(tag)) main.append(groups.get(tag));

document.getElementById('find').addEventListener('input', (e) => {
  const wanted = e.target.value.toLowerCase();
  for (const d of main.querySelectorAll('details')) d.hidden = !d.dataset.text.includes(wanted);
});

const errors = document.getElementById('errors');
for (const code of resolve(said.components.schemas.Problem.properties.code).enum) {
  errors.append(el('dt', { id: code }, code), el('dd', {}, said['x-errors']?.[code] ?? ''));
}
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
