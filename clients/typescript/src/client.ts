import { Operations } from './operations.js';
import type { Call, Event, ListedRun, Problem } from './operations.js';

export interface Options {
  /** Where producer serve answers, like http://127.0.0.1:8080. */
  url: string;
  /** An API key; none where none is needed. */
  key?: string;
  /** How often what may be sent again is sent, while the server is overloaded or away; 4. */
  tries?: number;
  /** Instead of the global fetch. */
  fetch?: typeof globalThis.fetch;
}

/** What the server says is wrong: code is the class of error, like ModelNotFoundError. */
export class RetrainError extends Error {
  readonly code: string;
  readonly hint?: string;
  readonly status: number;
  /** What is wrong with single records of an insert, of which nothing was stored. */
  readonly records: NonNullable<Problem['errors']>;

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? problem.error ?? `the server answers ${status}`);
    this.name = problem.code ?? 'MLError';
    this.code = this.name;
    this.status = status;
    if (problem.hint !== undefined) this.hint = problem.hint;
    this.records = problem.errors ?? [];
  }
}

/** Something that happened; without a type some events are missing: look at the models again. */
export type Happened = Partial<Event> & { id: string };

const wait = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Does over HTTP what the command producer does. */
export class Retrain extends Operations {
  constructor(private readonly options: Options) {
    super();
  }

  protected async send<T>(method: string, path: string, call: Call): Promise<T> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(call.headers ?? {})) if (value !== undefined) headers[name] = value;
    if (method === 'POST' && path.endsWith('/records')) headers['Idempotency-Key'] ??= crypto.randomUUID();
    const again = method === 'GET' || headers['Idempotency-Key'] !== undefined;
    let body: string | undefined;
    if (call.body !== undefined) {
      body = typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
      headers['Content-Type'] = typeof call.body === 'string' ? 'text/yaml' : 'application/json';
    }
    for (let attempt = 1; ; attempt++) {
      const last = !again || attempt >= (this.options.tries ?? 4);
      const answer = await this.ask(method, path + this.query(call), headers, body);
      if (answer.ok) return (await this.read(answer, call)) as T;
      const busy = answer.status === 429 || answer.status === 503;
      if (last || !busy) throw await this.refusal(answer);
      await answer.body?.cancel();
      await wait(Number(answer.headers.get('Retry-After')) || 1);
    }
  }

  private query(call: Call): string {
    const q = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) q.set(name, String(value));
    return q.size > 0 ? `?${q}` : '';
  }

  private async ask(method: string, path: string, headers: Record<string, string>, body?: string, signal?: AbortSignal): Promise<Response> {
    if (this.options.key) headers['Authorization'] = `Bearer ${this.options.key}`;
    try {
      const send = this.options.fetch ?? globalThis.fetch;
      return await send(this.options.url.replace(/\/$/, '') + path, { method, headers, body: body ?? null, signal: signal ?? null });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new RetrainError(503, { code: 'UnavailableError', detail: `${this.options.url} does not answer`, hint: 'is producer serve running there?' });
    }
  }

  private async read(answer: Response, call: Call): Promise<unknown> {
    if (call.accept === 'lines') {
      return (await answer.text()).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
    }
    const text = await answer.text();
    return text === '' ? undefined : JSON.parse(text);
  }

  private async refusal(answer: Response): Promise<RetrainError> {
    return new RetrainError(answer.status, await answer.json().catch(() => ({})));
  }

  /** Waits for a run's verdict, and throws what it failed with. */
  async wait(run: string, every = 0.5): Promise<ListedRun> {
    for (;;) {
      const now = await this.getRun(run);
      if (now.error) throw new RetrainError(500, { code: now.error.code, detail: now.error.message });
      if (now.endedAt !== undefined) return now;
      await wait(every);
    }
  }

  /** Yields what happens, after the event of an id or from now on. It connects again when it is cut off, and misses nothing. */
  async *events(options: { after?: string; signal?: AbortSignal } = {}): AsyncGenerator<Happened> {
    let after = options.after;
    while (!options.signal?.aborted) {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (after !== undefined) headers['Last-Event-ID'] = after;
      try {
        const answer = await this.ask('GET', '/v1/events', headers, undefined, options.signal);
        if (!answer.ok) throw await this.refusal(answer);
        for await (const e of parse(answer)) {
          after = e.id;
          if (e.event !== '') yield { ...JSON.parse(e.data), id: e.id } as Happened;
        }
      } catch (error) {
        if (options.signal?.aborted) return;
        if (error instanceof RetrainError && error.status !== 503 && error.status !== 429) throw error;
      }
      await wait(1);
    }
  }
}

async function* parse(answer: Response): AsyncGenerator<{ id: string; event: string; data: string }> {
  if (!answer.body) return;
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const e = { id: '', event: '', data: '' };
        for (const line of block.split('\n')) {
          const colon = line.indexOf(': ');
          const name = line.slice(0, Math.max(colon, 0));
          if (name === 'id' || name === 'event' || name === 'data') e[name] = line.slice(colon + 2);
        }
        if (e.id !== '') yield e;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
