// nextBest looks for n free seats beside each other as near as can be to those that were
// lost, at the same price rather than at another; if there are none, for the nearest
// single ones. It gives their places in the layout, or undefined. `own` are as good as free.
export function nextBest(map, lost, n, own = new Set()) {
  const [x, y] = ["x", "y"].map((axis) => lost.reduce((sum, i) => sum + map[axis][i], 0) / lost.length);
  const price = map.layout.sections[map.places.list[lost[0]].section].price;
  const free = (i) => (map.states[i] === 0 || own.has(i)) && !lost.includes(i);
  const cost = (seats) => {
    const far = Math.hypot(seats.reduce((sum, i) => sum + map.x[i], 0) / seats.length - x, seats.reduce((sum, i) => sum + map.y[i], 0) / seats.length - y);
    return far * (map.layout.sections[map.places.list[seats[0]].section].price === price ? 1 : 3);
  };
  let best, least = Infinity;
  for (const { first, count } of map.places.rows) {
    for (let run = 0, i = first; i < first + count; i++) {
      const beside = i === first || Math.hypot(map.x[i] - map.x[i - 1], map.y[i] - map.y[i - 1]) < 1.7;
      if (!free(i)) run = 0;
      else run = beside ? run + 1 : 1;
      if (run < n) continue;
      const seats = Array.from({ length: n }, (_, k) => i - n + 1 + k);
      const costs = cost(seats);
      if (costs < least) [best, least] = [seats, costs];
    }
  }
  if (best) return best;
  const single = [];
  for (let i = 0; i < map.count; i++) if (free(i)) single.push([cost([i]), i]);
  if (single.length < n) return undefined;
  return single.sort((a, b) => a[0] - b[0]).slice(0, n).map(([, i]) => i);
}
