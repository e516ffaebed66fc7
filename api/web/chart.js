// Figures over the last quarter of an hour, and small charts of them.

export const span = 15 * 60 * 1000;
const [width, height] = [300, 56];

// History keeps samples, the oldest first: { at (ms), … }. A sample that is not newer than
// the last is left out.
export class History {
  constructor(kept = []) { this.samples = kept; }

  add(sample) {
    if (sample.at <= (this.last?.at ?? 0)) return false;
    this.samples.push(sample);
    while (this.samples[0].at < sample.at - span) this.samples.shift();
    return true;
  }

  get last() { return this.samples.at(-1); }

  // before is the youngest sample that is at least so many milliseconds older than the i-th,
  // or the oldest there is.
  before(i, ms) {
    let b = i;
    while (b > 0 && this.samples[i].at - this.samples[b].at < ms) b--;
    return this.samples[b];
  }

  // perMinute is how fast a total grew up to each sample, by what it did in half a minute;
  // null where too little is known, or it fell: the queue was started anew.
  perMinute(name) {
    return this.samples.map((s, i) => {
      const old = this.before(i, 30000);
      const took = s.at - old.at;
      return took >= 3000 && s[name] >= old[name] ? ((s[name] - old[name]) * 60000) / took : null;
    });
  }
}

const make = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

// draw shows values at times (ms) in an svg; limit, where there is one, is a line above or
// among them. The scale begins at 0 and grows in steps, so that it does not breathe.
export function draw(svg, times, values, limit) {
  const now = times.at(-1) ?? 0;
  const most = Math.max(limit ?? 0, ...values.map((v) => v ?? 0));
  const top = ceiling(most * 1.05);
  const x = (at) => (width * (1 - (now - at) / span)).toFixed(1);
  const y = (value) => (height - 1 - (value / top) * (height - 4)).toFixed(1);
  const runs = [];
  let run;
  values.forEach((value, i) => {
    if (value === null || value === undefined) return (run = undefined);
    if (!run) runs.push((run = []));
    run.push(`${x(times[i])} ${y(value)}`);
  });
  const parts = [];
  for (const points of runs) {
    const line = "M" + points.join("L");
    const [from, to] = [points[0], points.at(-1)].map((point) => point.split(" ")[0]);
    parts.push(make("path", { class: "area", d: `${line}V${height}H${from}Z` }), make("path", { class: "trace", d: points.length > 1 ? line : `${line}h.1` }));
    if (points === runs.at(-1)) parts.push(make("path", { class: "now", d: `M${to} ${points.at(-1).split(" ")[1]}h.01` }));
  }
  if (limit !== undefined && limit !== null) parts.push(make("path", { class: "limit", d: `M0 ${y(limit)}H${width}` }));
  svg.replaceChildren(...parts);
}

// ceiling is the next round number: 1, 2 or 5 with zeros behind.
export function ceiling(n) {
  if (n <= 1) return 1;
  const ten = 10 ** Math.floor(Math.log10(n));
  return ten * [1, 2, 5, 10].find((step) => step * ten >= n);
}
