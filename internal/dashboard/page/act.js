// What people do: they are asked first where it matters, and told where it did not work.
import { of, post } from './api.js';
import { h } from './dom.js';

const notice = document.getElementById('notice');

export function tell(error) {
  notice.replaceChildren(h('b', {}, error.message), error.hint ? h('span', {}, ` – ${error.hint}`) : '', h('button', { type: 'button', class: 'quiet', onclick: () => { notice.hidden = true; } }, 'Close'));
  notice.hidden = false;
}

// sure asks, and answers whether the person wants that. A dialog that has closed says so a moment later, perhaps to the next
// question, which is open then.
function sure(title, explains, yes) {
  const dialog = document.getElementById('ask');
  document.getElementById('ask-title').textContent = title;
  document.getElementById('ask-text').textContent = explains;
  document.getElementById('ask-yes').textContent = yes;
  return new Promise((done) => {
    dialog.onclose = () => { if (!dialog.open) done(dialog.returnValue === 'yes'); };
    dialog.returnValue = 'no';
    dialog.showModal();
  });
}

async function act(button, path, body) {
  notice.hidden = true;
  if (button) button.disabled = true;
  try {
    return await post(path, body);
  } catch (error) {
    tell(error);
    return null;
  } finally {
    if (button) button.disabled = false;
  }
}

export const train = (button, model) => act(button, of(model, '/train'));
export const pause = (button, model) => act(button, of(model, '/pause'));
export const resume = (button, model) => act(button, of(model, '/resume'));

export async function cancel(button, run) {
  if (!(await sure(`Cancel run ${run}?`, 'It ends now. What it has learnt so far is lost; its rows are learnt with the next run.', 'Cancel the run'))) return null;
  return act(button, `/v1/runs/${encodeURIComponent(run)}/cancel`);
}

export async function rollback(button, model, version) {
  if (!(await sure(`Roll ${model} back?`, `Version ${version} serves now. The version that served before it will answer instead.`, 'Roll back'))) return null;
  return act(button, of(model, '/rollback'));
}

export async function promote(button, model, version) {
  if (!(await sure(`Let version ${version} of ${model} serve?`, 'Predictions come from it as soon as the workers have loaded it.', 'Promote'))) return null;
  return act(button, of(model, '/promote'), { version });
}
