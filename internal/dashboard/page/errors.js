// What went wrong lately, with the way out.
import { h, when } from './dom.js';

export function errorsView() {
  const list = h('div', {});
  let drawn = null;
  return {
    title: 'Errors',
    element: h('div', {}, h('h1', {}, 'Recent errors'), h('p', { class: 'dim' }, 'What the latest events tell, newest first. All verdicts are at their models.'), list),
    update(state) {
      if (state.errors === drawn || !state.known) return;
      drawn = state.errors;
      list.replaceChildren(...(drawn.length ? alike(drawn).map(([e, again]) => errorItem(e, true, again)) : [h('p', { class: 'empty' }, 'Nothing went wrong lately.')]));
    },
  };
}

// alike puts errors together that say the same of the same model: the newest of them, and the others.
function alike(errors) {
  const groups = new Map();
  for (const e of errors) {
    const key = JSON.stringify([e.type, e.model, e.error.code, e.error.message]);
    if (groups.has(key)) groups.get(key)[1].push(e); else groups.set(key, [e, []]);
  }
  return [...groups.values()];
}

export function errorItem(e, linked, again = []) {
  const what = { 'run-ended': `run ${e.model}-${e.run} failed`, quarantined: `a prediction worker refuses version ${e.version}` }[e.type] ?? e.type;
  return h('article', { class: 'error' },
    h('header', {}, linked && e.model ? h('a', { href: `#/models/${encodeURIComponent(e.model)}` }, e.model) : '', h('span', {}, what), h('span', { class: 'dim' }, when(e.at)), again.length > 0 && h('span', { class: 'dim' }, `and ${again.length} times before, since `, when(again.at(-1).at))),
    h('p', {}, h('code', {}, e.error.code), ' ', e.error.message), e.error.hint ? h('p', { class: 'hint' }, e.error.hint) : '');
}
