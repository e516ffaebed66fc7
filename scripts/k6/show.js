// The show that everybody wants, and the verdict on it.

import { check } from 'k6';
import exec from 'k6/execution';
import { adminToken, askAdmin, call, json } from './gateway.js';
import { observeVerdict } from './invariants.js';
import { text } from './options.js';

// wantedShow returns the public JSON of SHOW, or of the first open one, and its
// seats in layout order.
export async function wantedShow() {
  const id = text('SHOW');
  const show = id ? await read(`/v1/shows/${id}`, `show ${id}`) : await firstOpenShow();
  const layout = await read(`/v1/shows/${show.show}/seats/layout?v=${show.layout_version}`, `layout of ${show.show}`);
  return { show, seats: seatsOf(layout) };
}

// seatsOf lists a layout's seats in its order.
export function seatsOf(layout) {
  return layout.sections.flatMap((s) => s.rows.flatMap((r) => r.seats.map((seat) => seat.seat)));
}

async function firstOpenShow() {
  const { shows } = await read('/v1/shows', 'shows');
  const open = shows.find((s) => s.phase === 'open');
  if (!open) exec.test.abort('no show is open; `frontrow seed` makes one');
  return open;
}

async function read(path, what) {
  const response = await call('look up', 'GET', path);
  if (response.status !== 200) exec.test.abort(`${what}: status ${response.status}: ${response.body || response.error}`);
  return json(response);
}

// judge asks for the verdict on what is stored, where it may.
export async function judge(show) {
  if (!adminToken) {
    console.warn('no ADMIN_TOKEN: sold-once, cap, rate, in-order and told-once were not checked; `frontrow verify` does it');
    return;
  }
  const response = await askAdmin('verify', 'GET', `/verify?show=${show.show}`, { timeout: '4m' });
  check(response, { 'verify: 200': (r) => r.status === 200 });
  observeVerdict(json(response));
}
