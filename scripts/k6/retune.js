// The rule of admission is changed while people wait: faster, slower, shut, open,
// fewer inside. Each change must be in force within one interval, on every gateway,
// and put nobody out who is inside. In the end the rule is what it was.
//
//   k6 run -e VISITORS=400 -e STEP=8 -e ADMIN_TOKEN=… scripts/k6/retune.js
//
// README.md beside this file explains the options and the result.

import { check } from 'k6';
import exec from 'k6/execution';
import { Counter, Rate, Trend } from 'k6/metrics';
import { Crowd } from './crowd.js';
import { Figures } from './figures.js';
import { askAdmin, gateways, json, pause } from './gateway.js';
import { observe, thresholds } from './invariants.js';
import { count, needed, number } from './options.js';
import { judge, wantedShow } from './show.js';
import { Visitor } from './visitor.js';

needed('ADMIN_TOKEN', 'only the operator may change the rule of admission');

const interval = 500; // ms
const slow = 2; // let in per interval
const middling = 6;
const fast = 20;

const step = count('STEP', 6, 4, 1000); // intervals that each rule is kept
// Visitors enough that somebody waits to the end, at every rate that is tried.
const enough = step * (fast + 3 * middling + slow) + 4 * fast;
const visitors = Math.max(enough, count('VISITORS', enough, 1, 20000));
const late = number('LATE_MS', 2000, 0);
const changesMade = 8;

const crowd = new Crowd(visitors, 60 + (2 * changesMade * step * interval) / 1000, 1);

// A change of the rule was in force within an interval: nobody was let in by the old
// one after that, and people were let in by the new one.
const inForce = new Rate('in_force');
// Who was inside was still inside when they asked, whatever had become of the rule.
const staysInside = new Rate('stays_inside');
const changes = new Counter('changes');
const inForceAfter = new Trend('in_force_after', true);

export const options = {
  scenarios: { retune: crowd.scenario() },
  setupTimeout: '1m',
  teardownTimeout: '5m',
  thresholds: {
    ...thresholds(['one_place', 'rate', 'cap']),
    ...crowd.thresholds(),
    in_force: ['rate==1'],
    stays_inside: ['rate==1'],
    changes: [`count>=${changesMade}`], // none was left out
  },
};

export async function setup() {
  const { show } = await wantedShow();
  const response = await askAdmin('read rule', 'GET', `/shows/${show.show}/admission`);
  if (response.status !== 200) exec.test.abort(`rule of ${show.show}: status ${response.status}: ${response.body || response.error}`);
  const rule = json(response);
  console.log(`${visitors} visitors while the rule of show ${show.show} (${show.title}) changes; it is ${JSON.stringify(rule)}`);
  return { show, rule };
}

export default async function ({ show }) {
  const operator = new Operator(show);
  await operator.change({ admit: 0, interval_ms: interval, max_active: 100000, paused: false, session_seconds: 3600, session_max_seconds: 3600 });
  const inside = [];
  const play = { over: false };
  const all = crowd.come(
    (i) => (2 * i) / visitors,
    () => stand(new Visitor(show), inside, play),
  );
  try {
    await pause(4); // everybody is there
    await retune(operator, inside);
  } finally {
    play.over = true;
    await all;
  }
}

// stand is a visitor who waits, and once inside stays there until told to go.
async function stand(visitor, inside, play) {
  if (!(await visitor.join())) return;
  await visitor.joinAgain();
  while (visitor.status.state === 'waiting' && !play.over) {
    await rest(visitor, play);
    if (!(await visitor.poll())) return;
  }
  if (visitor.status.state === 'admitted') {
    inside.push(visitor);
    while (!visitor.toGo && !play.over) {
      await rest(visitor, play);
      if (visitor.toGo || play.over) break;
      await visitor.poll();
      staysInside.add(visitor.status.state === 'admitted');
    }
  }
  if (!visitor.gone) await visitor.leave();
}

// rest is the time between two polls, cut short when the play is over.
async function rest(visitor, play) {
  const until = Date.now() + (visitor.status.poll_after_ms || 1000);
  while (Date.now() < until && !play.over && !visitor.toGo) await pause(Math.min(0.5, (until - Date.now()) / 1000));
}

async function retune(operator, inside) {
  await operator.expect('open the valve', { admit: middling }, middling);
  await operator.expect('faster', { admit: fast }, fast);
  await operator.expect('slower', { admit: slow }, slow);
  await operator.expect('pause', { paused: true }, 0);
  await operator.expect('resume', { paused: false, admit: middling }, middling);

  // Fewer than are inside: nobody is put out, and nobody enters.
  const figures = await operator.figures.read();
  const most = Math.floor(figures.active / 2);
  await operator.expect('fewer inside', { max_active: most }, 0);
  const after = await operator.figures.read();
  staysInside.add(after.active >= figures.active && after.expired === figures.expired);

  // Some go, until there is room for a few: so many enter, and no more.
  const room = 3;
  const going = inside.slice(0, after.active - most + room);
  for (const visitor of going) visitor.toGo = true;
  await Promise.all(going.map((visitor) => goOut(visitor)));
  await operator.fill('room for a few', most, room, after.admitted);

  await operator.expect('more inside', { max_active: 100000 }, middling);
}

async function goOut(visitor) {
  visitor.gone = true;
  await visitor.leave();
}

// Operator changes the rule, at one gateway after the other, and looks what comes of it.
class Operator {
  constructor(show) {
    this.show = show;
    this.turn = 0;
    this.figures = new Figures(show);
  }

  async change(rule) {
    const at = gateways[this.turn++ % gateways.length];
    const response = await askAdmin('change rule', 'PATCH', `/shows/${this.show.show}/admission`, { body: rule, at });
    check(response, { 'change rule: 200': (r) => r.status === 200 });
    return response.status === 200;
  }

  // expect changes the rule and watches for `step` intervals: after the first one no
  // more than `admit` an interval are let in and, if that is any, some are, by then or
  // a little later.
  async expect(what, rule, admit) {
    if (!(await this.change(rule))) return;
    const changed = await this.figures.read();
    const seen = [changed, ...(await this.figures.watch((step * interval) / 1000))];
    const since = changed.at + interval;
    observeRate(what, seen.filter((f) => f.at >= since), admit);
    for (const f of seen) observeCap(what, f, changed);
    if (admit > 0) this.observeStart(what, seen, since);
    changes.add(1);
  }

  observeStart(what, seen, since) {
    const first = seen.find((f) => f.admitted > seen[0].admitted);
    const last = seen[seen.length - 1];
    tell(what, last.present > 0, 'nobody waits any more: others are let in too, or VISITORS are too few');
    const held = first !== undefined && first.at <= since + late;
    if (held) inForceAfter.add(first.at - seen[0].at);
    tell(what, held, first ? `the first was let in ${first.at - seen[0].at} ms after the change` : 'nobody was let in');
  }

  // fill waits until the room that some left is taken, and wants no more to come in.
  async fill(what, most, room, before) {
    const seen = await this.figures.watch((step * interval) / 1000);
    for (const f of seen) observe('cap', f.active <= most, `${what}: ${f.active} inside, ${most} may be`);
    const entered = seen[seen.length - 1].admitted - before;
    tell(what, entered === room, `${entered} were let in where there was room for ${room}`);
    changes.add(1);
  }
}

// observeRate wants no two figures between which more were let in than the intervals
// that end between them allow.
function observeRate(what, figures, admit) {
  for (let i = 0; i < figures.length; i++) {
    for (let j = i + 1; j < figures.length; j++) {
      const took = figures[j].at - figures[i].at;
      const most = admit * (Math.floor(took / interval) + 1);
      const many = figures[j].admitted - figures[i].admitted;
      const held = many <= most;
      observe('rate', held, `${what}: ${many} let in within ${took} ms, above ${most}`);
      if (admit === 0) tell(what, held, `${many} let in`);
    }
  }
}

// observeCap wants no more inside than may be, but for those who were before.
function observeCap(what, figures, before) {
  const most = Math.max(figures.max_active, before.active);
  observe('cap', figures.active <= most, `${what}: ${figures.active} inside, ${most} may be`);
}

function tell(what, held, how) {
  inForce.add(held);
  if (!held) console.error(`in_force: ${what}: ${how}`);
}

// teardown puts the rule back, whatever has become of the run.
export async function teardown({ show, rule }) {
  const response = await askAdmin('put rule back', 'PATCH', `/shows/${show.show}/admission`, { body: rule });
  const same = Object.keys(rule).every((key) => json(response)[key] === rule[key]);
  tell('put back', same, `answered ${response.status}; the rule was ${JSON.stringify(rule)}`);
  await judge(show);
}
