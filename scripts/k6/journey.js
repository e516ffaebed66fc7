// The whole journey of many visitors against a running gateway: join, wait, hold,
// pay, go; some leave on the way. Its thresholds are the invariants of the sale.
//
//   k6 run -e VISITORS=500 -e ADMIN_TOKEN=… scripts/k6/journey.js
//
// README.md beside this file explains the options and the result.

import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { call, json } from './gateway.js';
import { observeVerdict, thresholds } from './invariants.js';
import { Visitor } from './visitor.js';

const adminToken = __ENV.ADMIN_TOKEN;
const visitors = number('VISITORS', 200, 1);
const atOnce = number('VUS', Math.min(visitors, 1000), 1);
const leaving = number('LEAVE', 0.1, 0);

export const options = {
  scenarios: {
    journey: {
      executor: 'shared-iterations',
      vus: Math.min(atOnce, visitors),
      iterations: visitors,
      maxDuration: __ENV.DURATION || '5m',
      gracefulStop: '10s',
    },
  },
  setupTimeout: '1m',
  teardownTimeout: '5m',
  thresholds: {
    ...thresholds(Boolean(adminToken)),
    checks: ['rate>0.99'],
    server_errors: ['count==0'],
    bought: ['count>0'],
    // Everybody came to an end: nobody was still waiting when the time was up.
    iterations: [`count>=${visitors}`],
  },
};

// setup finds the show, and a seat of it for those who try without a pass.
export function setup() {
  const show = __ENV.SHOW ? findShow(__ENV.SHOW) : firstOpenShow();
  const layout = json(call('layout', 'GET', `/v1/shows/${show.show}/seats/layout?v=${show.layout_version}`));
  if (!layout.sections) exec.test.abort(`show ${show.show} has no layout`);
  console.log(`${visitors} visitors, ${Math.min(atOnce, visitors)} at once, for show ${show.show} (${show.title})`);
  return { show, seat: layout.sections[0].rows[0].seats[0].seat };
}

function findShow(id) {
  const response = call('show', 'GET', `/v1/shows/${id}`);
  if (response.status !== 200) exec.test.abort(`show ${id}: status ${response.status}: ${response.body || response.error}`);
  return json(response);
}

function firstOpenShow() {
  const response = call('shows', 'GET', '/v1/shows');
  if (response.status !== 200) exec.test.abort(`shows: status ${response.status}: ${response.body || response.error}`);
  const open = json(response).shows.find((s) => s.phase === 'open');
  if (!open) exec.test.abort('no show is open; `frontrow seed` makes one');
  return open;
}

// One iteration is one visitor.
export default function ({ show, seat }) {
  // People come within a second, not in the same instant.
  sleep(Math.random());
  const visitor = new Visitor(show);
  if (!visitor.join()) return;
  visitor.joinAgain();
  visitor.tryToHold('hold by token', visitor.token, seat, [401]);
  visitor.tryToHold('hold by nothing', undefined, seat, [401]);

  const fate = Math.random();
  if (fate < leaving / 2) return visitor.leave();
  if (!visitor.waitForTurn()) return;
  buy(visitor, seat, fate < leaving);
}

// buy is the visitor's time inside; one who is fickle gives the seats back.
function buy(visitor, seat, fickle) {
  if (!visitor.lookAround()) return visitor.leave();
  visitor.tryTooMany();
  const hold = visitor.hold();
  if (!hold) return visitor.leave();

  sleep(0.2 + Math.random());
  if (fickle || !visitor.chargeFor(hold) || !visitor.pay(hold)) {
    visitor.release(hold);
    return visitor.leave();
  }
  visitor.seeOut();
  // The pass is still good for a minute or two; the admission behind it is not.
  visitor.tryToHold('hold after buying', visitor.pass, seat, [401, 403]);
}

// teardown asks for the verdict on what is stored, where it may.
export function teardown({ show }) {
  if (!adminToken) {
    console.warn('no ADMIN_TOKEN: sold-once, cap, rate, in-order and told-once were not checked; `frontrow verify` does it');
    return;
  }
  const response = call('verify', 'GET', `/v1/admin/verify?show=${show.show}`, { bearer: adminToken, timeout: '4m' });
  check(response, { 'verify: 200': (r) => r.status === 200 });
  observeVerdict(json(response));
}

// number reads an option; a text that is no number, or too small, ends the run
// before it starts.
function number(name, otherwise, least) {
  if (__ENV[name] === undefined || __ENV[name] === '') return otherwise;
  const value = Number(__ENV[name]);
  if (!(value >= least)) throw new Error(`${name} must be a number of at least ${least}, not "${__ENV[name]}"`);
  return value;
}
