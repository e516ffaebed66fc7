// A steady stream of visitors for long, who hold seats and give them back. What each
// gateway uses meanwhile must stay what it was at the beginning.
//
//   k6 run -e DURATION=8h -e RATE=5 -e ADMIN_TOKEN=… scripts/k6/soak.js
//
// README.md beside this file explains the options and the result.

import exec from 'k6/execution';
import { Rate } from 'k6/metrics';
import { Crowd } from './crowd.js';
import { adminToken, askAdmin, gateways, json, pause } from './gateway.js';
import { thresholds } from './invariants.js';
import { addresses, number, seconds, text } from './options.js';
import { judge, wantedShow } from './show.js';
import { Usage } from './usage.js';
import { Visitor } from './visitor.js';

const lasts = seconds('DURATION', '30m', 30);
const rate = number('RATE', 2, 0.01);
const sample = number('SAMPLE', Math.min(15, lasts / 20), 0.5, lasts / 20);
const drift = number('DRIFT', 0.5, 0);
const ops = text('OPS_URLS') ? addresses('OPS_URLS') : gateways;

// Who came last has five minutes to be let in.
const crowd = new Crowd(Math.ceil(lasts * rate), lasts + 300);

const flat = { goroutines: new Rate('goroutines_flat'), heap: new Rate('heap_flat'), redis: new Rate('redis_flat') };

export const options = {
  scenarios: {
    visitors: crowd.scenario(),
    usage: { executor: 'per-vu-iterations', vus: ops.length, iterations: 1, exec: 'watch', maxDuration: `${lasts + 60}s` },
  },
  setupTimeout: '1m',
  teardownTimeout: '5m',
  thresholds: {
    ...thresholds(['one_place', 'pass_needed', 'limit']),
    ...crowd.thresholds(),
    goroutines_flat: ['rate==1'],
    heap_flat: ['rate==1'],
    redis_flat: ['rate==1'],
    iterations: [`count>=${crowd.drivers + ops.length}`], // every gateway was watched to the end
  },
};

export async function setup() {
  const { show, seats } = await wantedShow();
  if (adminToken) {
    const rule = json(await askAdmin('read rule', 'GET', `/shows/${show.show}/admission`));
    const most = (rule.admit * 1000) / rule.interval_ms;
    if (rule.paused || !(rate < most)) exec.test.abort(`show ${show.show} lets ${rule.paused ? 0 : most} in a second: RATE=${rate} would make its line grow`);
  }
  console.log(`${rate} visitors a second for ${lasts} s, for show ${show.show} (${show.title})`);
  return { show, seat: seats[0] };
}

export default async function ({ show, seat }) {
  await crowd.come(
    (i) => i / rate,
    async () => {
      const visitor = new Visitor(show);
      if (!(await visitor.join())) return;
      await visitor.joinAgain();
      await visitor.tryToHold('hold by token', visitor.token, seat, [401]);
      if (!(await visitor.waitForTurn(crowd.until()))) return visitor.leave();
      await visitor.shop(true);
    },
  );
}

// watch is one gateway's usage, from the first visitor to the last.
export async function watch() {
  const at = ops[exec.scenario.iterationInTest];
  const usage = new Usage(at);
  for (const until = exec.scenario.startTime + lasts * 1000; Date.now() < until; await pause(sample)) await usage.take();
  for (const { name, before, after, most } of usage.compare(drift)) {
    const held = after <= most; // NaN, where there is no such figure, is not
    flat[name].add(held);
    const line = `${at}: ${name} ${before.toFixed(1)} early, ${after.toFixed(1)} late, ${most.toFixed(1)} may be`;
    if (held) console.log(line);
    else console.error(line);
  }
}

export async function teardown({ show }) {
  await judge(show);
}
