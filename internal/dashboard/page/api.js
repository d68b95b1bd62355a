// What the page asks the server. The key, where the server wants one, stays in this tab.
const kept = 'retrain-key';
let asking = null;

function headers() {
  const key = sessionStorage.getItem(kept);
  return key ? { 'X-API-Key': key } : {};
}

// wanted asks the person for the key, once for all that wait for it.
function wanted() {
  asking ??= new Promise((done) => {
    const dialog = document.getElementById('key');
    const value = document.getElementById('key-value');
    if (sessionStorage.getItem(kept)) document.getElementById('key-text').textContent = 'The server does not know that key.';
    value.value = '';
    dialog.onclose = () => {
      sessionStorage.setItem(kept, value.value);
      asking = null;
      done();
    };
    dialog.oncancel = (e) => e.preventDefault();
    dialog.showModal();
  });
  return asking;
}

// ask sends a request, with the key, until the server takes that. Errors are what the server says, with the way out as their hint.
async function ask(path, options = {}) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, { ...options, credentials: 'omit', headers: { ...headers(), ...options.headers } });
    } catch (e) {
      if (e.name === 'AbortError') throw e;
      throw Object.assign(new Error('the server does not answer'), { hint: 'is it running?' });
    }
    if (answer.status === 401) { await wanted(); continue; }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(said.detail ?? said.error ?? `the server answers ${answer.status}`), { code: said.code, hint: said.hint });
  }
}

export const get = async (path) => (await ask(path)).json();
export const post = async (path, body) => (await ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}) })).json();
export const of = (model, rest = '') => `/v1/models/${encodeURIComponent(model)}${rest}`;

// listen calls on[name](data) for each event at a path, and on.link(true or false, why) when the connection comes and goes. It tries
// again until the returned function is called.
export function listen(path, on) {
  const stop = new AbortController();
  (async () => {
    for (let pause = 500; !stop.signal.aborted; pause = Math.min(2 * pause, 10000)) {
      let why = 'the server does not answer';
      try {
        const answer = await ask(path, { signal: stop.signal });
        on.link?.(true);
        pause = 500;
        await events(answer.body, on);
      } catch (e) {
        why = e.message;
      }
      if (stop.signal.aborted) return;
      on.link?.(false, why);
      await new Promise((again) => { setTimeout(again, pause); });
    }
  })();
  return () => stop.abort();
}

// events reads server-sent events until the connection ends.
async function events(body, on) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      const name = /^event: (.*)$/m.exec(part)?.[1];
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) on[name]?.(JSON.parse(data));
    }
  }
}
