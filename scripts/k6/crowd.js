// A crowd: many visitors on few VUs.

import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { pause } from './gateway.js';

// Visits that came to their end. Those of a visitor who broke off are missing.
const ended = new Counter('visits');

const mostDrivers = 100;
const visitorsPerDriver = 50;

export class Crowd {
  // A crowd of n visits that may take so many seconds. Its drivers are the VUs that
  // share the visits; with one driver every visitor sees what the others saw.
  constructor(n, seconds, drivers = Math.min(mostDrivers, Math.ceil(n / visitorsPerDriver))) {
    Object.assign(this, { n, seconds, drivers });
  }

  // scenario is k6's: one iteration a driver. Who is still there when the time is up
  // has a minute to clear up.
  scenario() {
    return {
      executor: 'per-vu-iterations',
      vus: this.drivers,
      iterations: 1,
      maxDuration: `${Math.ceil(this.seconds) + 60}s`,
      gracefulStop: '10s',
    };
  }

  // thresholds fail the run when a visit did not come to its end, or only because the
  // time was up.
  thresholds() {
    return { visits: [`count>=${this.n}`], gave_up: ['count==0'] };
  }

  // until is when the time is up (ms).
  until() {
    return exec.scenario.startTime + this.seconds * 1000;
  }

  // come makes this driver's share of the visits: number i begins at(i) seconds after
  // the scenario began. It returns when all of them have ended.
  async come(at, visit) {
    const visits = [];
    for (let i = exec.scenario.iterationInTest; i < this.n; i += this.drivers) {
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
}

// chosen tells whether visit i is one of the share that is spread evenly over all.
export function chosen(i, share) {
  return Math.floor((i + 1) * share) > Math.floor(i * share);
}
