// A show's figures as the operator reads them, of one gateway after the other.

import { check } from 'k6';
import { askAdmin, json, pause } from './gateway.js';

const everyMS = 150;

export class Figures {
  constructor(show) {
    this.show = show;
  }

  // read returns the figures; `at` is when they were so (ms), by the clock of Redis.
  async read() {
    const response = await askAdmin('stats', 'GET', `/shows/${this.show.show}/stats`);
    check(response, { 'stats: 200': (r) => r.status === 200 });
    const figures = json(response);
    return { ...figures, at: Date.parse(figures.as_of) };
  }

  // watch reads the figures again and again for so many seconds.
  async watch(seconds) {
    const seen = [];
    for (const until = Date.now() + seconds * 1000; Date.now() < until; await pause(everyMS / 1000)) {
      seen.push(await this.read());
    }
    return seen;
  }
}
