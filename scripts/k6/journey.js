// The whole journey of many visitors against a running gateway: join, wait, hold,
// pay, go; some leave on the way. Its thresholds are the invariants of the sale.
//
//   k6 run -e VISITORS=500 -e ADMIN_TOKEN=… scripts/k6/journey.js
//
// README.md beside this file explains the options and the result.

import exec from 'k6/execution';
import { pause } from './gateway.js';
import { seenByBuyers, thresholds } from './invariants.js';
import { count, number, seconds } from './options.js';
import { judge, wantedShow } from './show.js';
import { Visitor } from './visitor.js';

const visitors = count('VISITORS', 200, 1);
const atOnce = Math.min(visitors, count('VUS', Math.min(visitors, 1000), 1));
const leaving = number('LEAVE', 0.1, 0, 1);
const longest = seconds('DURATION', '5m', 1);

export const options = {
  scenarios: {
    journey: {
      executor: 'shared-iterations',
      vus: atOnce,
      iterations: visitors,
      maxDuration: `${longest + 60}s`, // who gives up has a minute to clear up
      gracefulStop: '10s',
    },
  },
  setupTimeout: '1m',
  teardownTimeout: '5m',
  thresholds: {
    ...thresholds(seenByBuyers),
    bought: ['count>0'],
    // Everybody came to an end: nobody was still waiting when the time was up.
    iterations: [`count>=${visitors}`],
    gave_up: ['count==0'],
  },
};

export async function setup() {
  const { show, seats } = await wantedShow();
  console.log(`${visitors} visitors, ${atOnce} at once, for show ${show.show} (${show.title})`);
  return { show, seat: seats[0] };
}

// One iteration is one visitor.
export default async function ({ show, seat }) {
  // People come within a second, not in the same instant.
  await pause(Math.random());
  const visitor = new Visitor(show);
  if (!(await visitor.join())) return;
  await visitor.joinAgain();
  await visitor.tryToHold('hold by token', visitor.token, seat, [401]);
  await visitor.tryToHold('hold by nothing', undefined, seat, [401]);

  const fate = Math.random();
  const until = exec.scenario.startTime + longest * 1000;
  if (fate < leaving / 2 || !(await visitor.waitForTurn(until))) {
    await visitor.leave();
    return;
  }
  await visitor.shop(fate < leaving);
}

export async function teardown({ show }) {
  await judge(show);
}
