// A crowd: many visitors on few VUs, each coming at a time of their own.

import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { pause } from './gateway.js';

// Visits that came to their end. Those of a visitor who broke off are missing.
const ended = new Counter('visits');

const mostDrivers = 100;
const visitorsPerDriver = 50;

// crowdScenario is the k6 scenario of n visits, one iteration a driver. What is left
// after the time given has a minute to clear up.
export function crowdScenario(n, seconds) {
  return {
    executor: 'per-vu-iterations',
    vus: driversOf(n),
    iterations: 1,
    maxDuration: `${Math.ceil(seconds) + 60}s`,
    gracefulStop: '10s',
  };
}

// crowdThresholds fail the run when a visit did not come to its end.
export function crowdThresholds(n) {
  return { visits: [`count>=${n}`], gave_up: ['count==0'] };
}

function driversOf(n) {
  return Math.min(mostDrivers, Math.ceil(n / visitorsPerDriver));
}

// crowd makes this driver's share of n visits: number i begins at(i) seconds after the
// scenario began. It returns when all of them have ended.
export async function crowd(n, at, visit) {
  const visits = [];
  for (let i = exec.scenario.iterationInTest; i < n; i += driversOf(n)) {
    await pause((exec.scenario.startTime - Date.now()) / 1000 + at(i));
    visits.push(
      visit(i).then(
        () => ended.add(1),
        (error) => console.error(`visit ${i} broke off: ${(error && error.stack) || error}`),
      ),
    );
  }
  await Promise.all(visits);
}
