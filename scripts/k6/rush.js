// The start of a sale: a wall of visitors within seconds, then a tail of those who
// come later. Measures how long joining, polling and waiting take, and holds the sale
// to its invariants meanwhile.
//
//   k6 run -e VISITORS=2000 -e WALL_SECONDS=5 -e TAIL_RATE=20 -e TAIL_SECONDS=60 scripts/k6/rush.js
//
// README.md beside this file explains the options and the result.

import { Crowd } from './crowd.js';
import { seenByBuyers, thresholds } from './invariants.js';
import { count, number, seconds } from './options.js';
import { judge, wantedShow } from './show.js';
import { Visitor } from './visitor.js';

const wall = count('VISITORS', 200, 1);
const wallSeconds = number('WALL_SECONDS', 2, 0);
const tailRate = number('TAIL_RATE', 2, 0);
const tailSeconds = number('TAIL_SECONDS', 20, 0);
const leaving = number('LEAVE', 0.5, 0, 1);
const longest = seconds('DURATION', '5m', 1);

const everybody = wall + Math.floor(tailRate * tailSeconds);
const crowd = new Crowd(everybody, longest);

export const options = {
  scenarios: { rush: crowd.scenario() },
  setupTimeout: '1m',
  teardownTimeout: '5m',
  summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    ...thresholds(seenByBuyers),
    ...crowd.thresholds(),
    bought: ['count>0'],
  },
};

export async function setup() {
  const { show, seats } = await wantedShow();
  console.log(`${wall} visitors within ${wallSeconds} s and ${everybody - wall} after them, for show ${show.show} (${show.title})`);
  return { show, seat: seats[0] };
}

export default async function ({ show, seat }) {
  await crowd.come(comesAt, async () => {
    const visitor = new Visitor(show);
    if (!(await visitor.join())) return;
    await visitor.joinAgain();
    await visitor.tryToHold('hold by token', visitor.token, seat, [401]);
    if (!(await visitor.waitForTurn(crowd.until()))) return visitor.leave();
    await visitor.shop(Math.random() < leaving);
  });
}

// comesAt says in which second visitor i comes.
function comesAt(i) {
  return i < wall ? (i / wall) * wallSeconds : wallSeconds + (i - wall + 1) / tailRate;
}

export async function teardown({ show }) {
  await judge(show);
}
