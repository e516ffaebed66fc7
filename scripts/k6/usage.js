// What a gateway uses, by its /metrics.

import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { call } from './gateway.js';

const trends = { goroutines: new Trend('goroutines'), heap: new Trend('heap_mb'), redis: new Trend('redis_commands') };

// How much more of a figure is nothing to speak of.
const slack = { goroutines: 50, heap: 16, redis: 20 };

// fewest samples of a third that tell anything.
const fewest = 3;

export class Usage {
  constructor(at) {
    this.at = at;
    this.samples = [];
    this.last = undefined;
  }

  // take reads the figures once: goroutines, heap in MB, and commands a second to
  // Redis since the last time. The heap is the size that the collector lets it grow
  // to: a multiple of what the last collection left, without the garbage since then.
  async take() {
    const response = await call('metrics', 'GET', '/metrics', { at: this.at });
    const now = Date.now();
    if (!check(response, { 'metrics: 200': (r) => r.status === 200 })) return;
    const commands = sum(response.body, 'frontrow_redis_command_duration_seconds_count');
    const last = this.last;
    this.last = { now, commands };
    if (!last) return;
    const sample = {
      goroutines: sum(response.body, 'go_goroutines'),
      heap: sum(response.body, 'go_memstats_next_gc_bytes') / 1e6,
      redis: (commands - last.commands) / ((now - last.now) / 1000),
    };
    for (const [name, value] of Object.entries(sample)) trends[name].add(value, { gateway: this.at });
    this.samples.push(sample);
  }

  // compare takes each figure of the first and of the last third, without the first
  // fifth of all samples, in which everything warms up; NaN stands for one that there
  // are too few samples of. `most` is what the later one may be: a share `drift` more,
  // and what is nothing to speak of.
  compare(drift) {
    const steady = this.samples.slice(Math.ceil(this.samples.length / 5));
    const third = Math.floor(steady.length / 3);
    return Object.keys(slack).map((name) => {
      const figure = (samples) => (samples.length < fewest ? NaN : median(samples.map((s) => s[name])));
      const before = figure(steady.slice(0, third));
      const after = figure(steady.slice(steady.length - third));
      return { name, before, after, most: before * (1 + drift) + slack[name] };
    });
  }
}

// sum adds up the samples of a metric, over all its labels; NaN when there is none.
function sum(body, name) {
  const lines = body.split('\n').filter((l) => l.startsWith(name) && [' ', '{'].includes(l[name.length]));
  return lines.length === 0 ? NaN : lines.reduce((total, l) => total + Number(l.slice(l.lastIndexOf(' ') + 1)), 0);
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
