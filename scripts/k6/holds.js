// Many who are inside fight for a few seats. One wins, the others are told who else
// was faster; winners pay or give the seats back. One VU is all of them, and so knows
// at each moment who has which seat.
//
//   k6 run -e VISITORS=300 -e SEATS=10 -e PAY=0.1 -e ADMIN_TOKEN=… scripts/k6/holds.js
//
// README.md beside this file explains the options and the result.

import { check } from 'k6';
import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';
import { chosen, Crowd } from './crowd.js';
import { call, gateways, json, pause } from './gateway.js';
import { observe, seenByBuyers, thresholds } from './invariants.js';
import { count, number, seconds } from './options.js';
import { Seats } from './seats.js';
import { judge, wantedShow } from './show.js';
import { pick, Visitor } from './visitor.js';

const visitors = count('VISITORS', 60, 2, 20000);
const hot = count('SEATS', 6, 2, 1000);
const tries = count('TRIES', 6, 1, 1000);
const paying = number('PAY', 0.2, 0, 1);
const longest = seconds('DURATION', '5m', 1);

const crowd = new Crowd(visitors, longest, 1);

// Who lost was told which seats are taken, and has none of those asked for.
const losersTold = new Rate('losers_told');
// The states that each gateway shows agree with what the visitors know.
const statesAgree = new Rate('states_agree');
const won = new Counter('won');
const lost = new Counter('lost');
const holding = new Trend('holding', true);

let wins = 0; // of which a share is paid for

export const options = {
  scenarios: { holds: crowd.scenario() },
  setupTimeout: '1m',
  teardownTimeout: '5m',
  thresholds: {
    ...thresholds(paying > 0 ? [...seenByBuyers, 'sold_once'] : ['one_place', 'pass_needed', 'limit', 'sold_once']),
    ...crowd.thresholds(),
    ...(paying > 0 ? { bought: ['count>0'] } : {}),
    losers_told: ['rate==1'],
    states_agree: ['rate==1'],
    won: ['count>0'],
    lost: ['count>0'], // there was a fight
  },
};

export async function setup() {
  const { show, seats } = await wantedShow();
  const states = await lettersAt(gateways[0], show);
  const free = seats.filter((_, i) => states[i] === 'f').slice(0, hot);
  if (free.length < 2) exec.test.abort(`show ${show.show} has no two free seats left`);
  console.log(`${visitors} visitors fight for ${free.length} seats of show ${show.show} (${show.title})`);
  return { show, all: seats, fought: free };
}

async function lettersAt(at, show) {
  return (await statesAt(at, show)).states || '';
}

async function statesAt(at, show) {
  return json(await call('states', 'GET', `/v1/shows/${show.show}/seats/state`, { at }));
}

export default async function ({ show, all, fought }) {
  const seats = new Seats(fought, all);
  const others = all.filter((seat) => !fought.includes(seat));
  let fighting = true;
  const watching = gateways.map((at) => watch(at, show, seats, () => fighting));
  await crowd.come(
    (i) => i / visitors,
    () => fight(new Visitor(show), seats, others),
  );
  fighting = false;
  await Promise.all(watching);
  await Promise.all(gateways.map((at) => settle(at, show, seats)));
}

// fight is one visitor's time, from joining to leaving with or without seats.
async function fight(visitor, seats, others) {
  if (!(await visitor.join())) return;
  await visitor.joinAgain();
  await visitor.tryToHold('hold by token', visitor.token, seats.names[0], [401]);
  if (!(await visitor.waitForTurn(crowd.until()))) return visitor.leave();
  for (let i = 0; i < tries; i++) {
    const wanted = pick(seats.unsold(), Math.min(1 + Math.floor(Math.random() * 2), visitor.show.max_seats));
    if (wanted.length === 0) break;
    const hold = await tryFor(visitor, seats, wanted);
    if (!hold) {
      await pause(Math.random() * 0.5);
    } else if (await use(visitor, seats, hold, others)) {
      return visitor.seeOut();
    }
  }
  return visitor.leave();
}

// tryFor asks for the seats: all of them or none.
async function tryFor(visitor, seats, wanted) {
  const response = await call('hold', 'POST', `${visitor.path}/holds`, { bearer: visitor.pass, body: { seats: wanted } });
  holding.add(response.timings.duration);
  const answer = json(response);
  if (response.status === 201) {
    const doubled = seats.took(visitor, wanted);
    observe('sold_once', doubled.length === 0, `${doubled.join(', ')} held by two`);
    visitor.pass = answer.pass;
    won.add(1);
    return answer;
  }
  if (!check(response, { 'hold: 201, or taken by somebody else': (r) => r.status === 409 })) return undefined;
  lost.add(1);
  const taken = answer.taken || [];
  const mine = (json(await call('read holds', 'GET', '/v1/holds', { bearer: visitor.token })).holds || []).filter((h) => h.state === 'held');
  losersTold.add(answer.code === 'seats_taken' && taken.length > 0 && taken.every((s) => wanted.includes(s)) && mine.length === 0);
  return undefined;
}

// use keeps the hold for a while, and buys or releases; true when bought. Whatever
// happens, the hold does not stay.
async function use(visitor, seats, hold, others) {
  await reachForMore(visitor, hold, others);
  // Some hesitate for long enough that every gateway must show it.
  await pause(Math.random() < 0.2 ? 5 : Math.random());
  if (chosen(wins++, paying) && (await visitor.chargeFor(hold))) {
    seats.paying(visitor, hold.seats);
    if (await visitor.pay(hold)) {
      seats.paid(visitor, hold.seats);
      return true;
    }
  }
  seats.giving(visitor, hold.seats);
  await visitor.release(hold);
  seats.gave(visitor, hold.seats);
  return false;
}

// reachForMore asks, with seats in hand, for as many others as make one too many.
async function reachForMore(visitor, hold, others) {
  const more = pick(others, visitor.show.max_seats + 1 - hold.seats.length);
  if (more.length + hold.seats.length <= visitor.show.max_seats) return;
  const response = await call('hold too many', 'POST', `${visitor.path}/holds`, { bearer: visitor.pass, body: { seats: more } });
  const refused = response.status === 422 || (response.status === 409 && json(response).code === 'seats_taken');
  observe('limit', refused, `${hold.seats.length} seats and ${more.length} more were answered ${response.status}`);
}

// watch compares what a gateway shows with what is known, and wants its versions to
// go forward.
async function watch(at, show, seats, fighting) {
  let version = 0;
  while (fighting()) {
    const snapshot = seats.snapshot();
    const shown = await statesAt(at, show);
    const wrong = seats.contradictions(snapshot, shown.states || '');
    agree(wrong.length === 0 && shown.version >= version, `${at} shows otherwise: ${wrong.join(', ') || `version ${shown.version} after ${version}`}`);
    version = shown.version;
    await pause(0.5);
  }
}

// settle waits until a gateway shows every seat free or sold, as it is in the end.
async function settle(at, show, seats) {
  let wrong = [];
  for (let i = 0; i < 20; i++) {
    wrong = seats.unsettled(await lettersAt(at, show));
    if (wrong.length === 0) break;
    await pause(0.5);
  }
  agree(wrong.length === 0, `${at} does not settle: ${wrong.join(', ')}`);
}

function agree(held, how) {
  statesAgree.add(held);
  if (!held) console.error(`states_agree: ${how}`);
}

export async function teardown({ show }) {
  await judge(show);
}
