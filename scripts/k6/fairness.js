// Order is kept, and nobody jumps. Visitors of one VU, which sees them all, note when
// they asked for a place and were told of it, what they were told while they waited,
// and the number in their pass. Some of them try whatever might get them ahead.
//
//   k6 run -e VISITORS=300 -e JUMPERS=0.5 -e ADMIN_TOKEN=… scripts/k6/fairness.js
//
// README.md beside this file explains the options and the result.

import { check } from 'k6';
import { Counter, Rate } from 'k6/metrics';
import { chosen, Crowd } from './crowd.js';
import { adminToken, askAdmin, call, json, pause } from './gateway.js';
import { observe, thresholds } from './invariants.js';
import { Line } from './line.js';
import { count, number, seconds } from './options.js';
import { forged, tampered, unsigned } from './pass.js';
import { judge, wantedShow } from './show.js';
import { Visitor } from './visitor.js';

const visitors = count('VISITORS', 200, 2, 20000);
const jumpers = number('JUMPERS', 0.3, 0, 1);
const arriveSeconds = number('ARRIVE_SECONDS', 5, 0);
const longest = seconds('DURATION', '5m', 1);

const crowd = new Crowd(visitors, longest, 1);

// What jumping must never do: an attempt that is not refused must change nothing.
const noGain = new Rate('no_gain');
const jumps = new Counter('jumps');
const numbered = new Counter('numbered');

export const options = {
  scenarios: { fairness: crowd.scenario() },
  setupTimeout: '1m',
  teardownTimeout: '5m',
  thresholds: {
    ...thresholds(['in_order', 'one_place', 'pass_needed']),
    ...crowd.thresholds(),
    no_gain: ['rate==1'],
    // Everybody's number was seen and compared, and the attempts were made.
    numbered: [`count>=${visitors}`],
    jumps: [`count>=${Math.floor(visitors * jumpers)}`],
  },
};

export async function setup() {
  const { show, seats } = await wantedShow();
  console.log(`${visitors} visitors within ${arriveSeconds} s, ${Math.floor(visitors * jumpers)} of them jumpers, for show ${show.show} (${show.title})`);
  return { show, seat: seats[0], absence: await absenceOf(show) };
}

// absenceOf is after how many seconds of silence somebody counts as absent; the least
// that a show may have where nobody may ask.
async function absenceOf(show) {
  if (!adminToken) return 5;
  const response = await askAdmin('read rule', 'GET', `/shows/${show.show}/admission`);
  check(response, { 'rule: 200': (r) => r.status === 200 });
  return json(response).absence_seconds || 5;
}

export default async function ({ show, seat, absence }) {
  const line = new Line(absence);
  const old = await earlyToken(show);
  await crowd.come(
    () => 0,
    async (i) => {
      await pause(Math.random() * arriveSeconds);
      if (chosen(i, jumpers)) return jumper(i, show, line, seat, old);
      return honest(show, line);
    },
  );
  numbered.add(line.judge());
}

// earlyToken is that of somebody who came before all others and has left: whoever
// brings it must stand at the end.
async function earlyToken(show) {
  const early = new Visitor(show);
  if (!(await early.join())) throw new Error('the queue gives no place');
  await early.leaveEverywhere();
  return early.token;
}

async function honest(show, line) {
  const visitor = new Visitor(show);
  if (!(await visitor.join())) return;
  await line.follow(visitor, crowd.until());
  await visitor.leave();
}

// jumper tries, waiting and inside, what might help. In the end their number is
// compared like everybody's.
async function jumper(i, show, line, seat, old) {
  const visitor = new Visitor(show);
  // The first one brings the token of somebody who has left: a place at the end.
  if (!(await visitor.join(i < 1 / jumpers ? old : undefined))) return;
  jumps.add(1);

  await visitor.joinAgain();
  await tamperWithToken(visitor);
  await borrow(visitor, line.another(visitor));
  await visitor.tryToHold('hold by token', visitor.token, seat, [401]);
  await visitor.tryToHold('hold by forged pass', forged(show), seat, [401]);
  if (i % 2 === 0) await comeAgain(visitor);

  if (await line.follow(visitor, crowd.until())) await tamperWithPass(visitor, seat);
  await visitor.leave();
}

// comeAgain leaves and joins by the old token: a new place at the end, while the old
// token leads nowhere.
async function comeAgain(visitor) {
  const before = visitor.token;
  await visitor.leaveEverywhere();
  if (!(await visitor.join(before))) return;
  const state = await visitor.endOf(before);
  gained(state !== 'finished', `a token of an earlier place is ${state}`);
}

// tamperWithToken changes one letter of the token, near its beginning, middle and end.
async function tamperWithToken(visitor) {
  for (const share of [0.2, 0.5, 0.9]) {
    const at = Math.floor(visitor.token.length * share);
    const bearer = visitor.token.slice(0, at) + (visitor.token[at] === 'A' ? 'B' : 'A') + visitor.token.slice(at + 1);
    for (const method of ['GET', 'POST']) {
      const response = await call('tampered token', method, `${visitor.path}/queue`, { bearer });
      gained(response.status !== 401, `a token with another letter at ${at} was answered ${response.status}`);
    }
  }
}

// borrow stands before the gateway as oneself, by cookie, with another's token as the
// place: it must be one's own place that is found. By the whole of another's token one
// sees that place, without it becoming one's own.
async function borrow(visitor, other) {
  if (!other || !visitor.cookie) return;
  const cookies = { fr_visitor: visitor.cookie, [`fr_place_${visitor.show.show}`]: other.token };
  const response = await call('join by cookies', 'POST', `${visitor.path}/queue`, { cookies });
  observe('one_place', response.status === 200, `joining by one's own cookie answered ${response.status}`);
  // Whatever token comes back is kept: were it the other's, the number would tell.
  if (response.status === 200) visitor.adopt(json(response));
  const replayed = await call('poll by another\'s token', 'GET', `${visitor.path}/queue`, { bearer: other.token });
  check(replayed, { 'another\'s token: 200': (r) => r.status === 200 });
}

// tamperWithPass shows passes that say more than the gateway signed.
async function tamperWithPass(visitor, seat) {
  await visitor.tryToHold('hold by tampered pass', tampered(visitor.pass), seat, [401]);
  await visitor.tryToHold('hold by unsigned pass', unsigned(visitor.pass), seat, [401]);
}

function gained(gain, how) {
  noGain.add(!gain);
  if (gain) console.error(`no_gain: ${how}`);
}

export async function teardown({ show }) {
  await judge(show);
}
