// The plan of a hall: where its seats are, which belong together, and how to find them.
// Lengths are in seats: 1 is the distance of two neighbours.

const cell = 8; // width of a cell of the index, in seats

// places turns a layout into flat lists of seats, in the order of the states' letters.
export function places(layout) {
  const list = [];
  const rows = [];
  layout.sections.forEach((section, s) => {
    section.rows.forEach((row) => {
      rows.push({ section: s, row: row.row, first: list.length, count: row.seats.length });
      for (const seat of row.seats) list.push({ ...seat, section: s, row: rows.length - 1 });
    });
  });
  return { list, rows };
}

// pitch is how far neighbours of a row lie apart, by and large.
function pitch({ list, rows }) {
  const gaps = [];
  for (const { first, count } of rows) {
    for (let i = first + 1; i < first + count; i++) gaps.push(Math.hypot(list[i].x - list[i - 1].x, list[i].y - list[i - 1].y));
  }
  gaps.sort((a, b) => a - b);
  return gaps[gaps.length >> 1] || 1;
}

// priceGroups puts the prices, the dearest first, into as many groups as there are
// colours at most, and says for each section which is its own.
export function priceGroups(layout, most = 6) {
  const prices = [...new Set(layout.sections.map((s) => s.price))].sort((a, b) => b - a);
  const groups = Array.from({ length: Math.min(most, prices.length) }, () => []);
  const of = new Map(prices.map((price, i) => [price, Math.floor((i * groups.length) / prices.length)]));
  for (const price of prices) groups[of.get(price)].push(price);
  return { groups, of: layout.sections.map((s) => of.get(s.price)) };
}

export class Plan {
  constructor(layout) {
    this.layout = layout;
    this.groups = priceGroups(layout);
    this.lay();
  }

  // lay puts the seats where they belong, and into the cells of the index.
  lay() {
    this.places = places(this.layout);
    const { list, rows } = this.places;
    const unit = pitch(this.places);
    const left = Math.min(...rows.map((r) => Math.min(...list.slice(r.first, r.first + r.count).map((s) => s.x)))) / unit;
    const top = Math.min(...rows.map((r) => Math.min(...list.slice(r.first, r.first + r.count).map((s) => s.y)))) / unit;
    this.count = list.length;
    this.x = Float32Array.from(list, (s) => s.x / unit - left);
    this.y = Float32Array.from(list, (s) => s.y / unit - top);
    this.index = new Map(list.map((s, i) => [s.seat, i]));
    this.width = this.x.reduce((a, b) => Math.max(a, b), 0);
    this.height = this.y.reduce((a, b) => Math.max(a, b), 0);
    this.layStage();
    this.layBlocks();
    this.layCells();
  }

  // layStage puts the stage before the foremost seats of the middle.
  layStage() {
    let front = Infinity;
    for (let i = 0; i < this.count; i++) {
      if (Math.abs(this.x[i] - this.width / 2) <= Math.max(1, this.width / 12)) front = Math.min(front, this.y[i]);
    }
    const wide = Math.max(6, this.width / 5);
    const deep = Math.max(1.6, this.height / 22);
    const gap = Math.max(1.2, this.height / 60);
    this.stage = { x: this.width / 2 - wide / 2, y: (front === Infinity ? 0 : front) - gap - deep, wide, deep };
    this.bounds = { left: -1.5, top: Math.min(-1.5, this.stage.y - 0.5), right: this.width + 1.5, bottom: this.height + 1.5 };
  }

  // layBlocks draws each section's outline: along its first row, the ends of the rows,
  // the last row, and back.
  layBlocks() {
    this.blocks = this.layout.sections.map((section, at) => ({ section, at, free: 0, rows: [] }));
    this.places.rows.forEach((row) => this.blocks[this.places.list[row.first].section].rows.push(row));
    for (const block of this.blocks) {
      const ring = [];
      const [head, tail] = [block.rows[0], block.rows.at(-1)];
      for (let i = head.first; i < head.first + head.count; i++) ring.push(i);
      const [headEnd, tailEnd] = [head, tail].map((row) => row.first + row.count - 1);
      const wide = (i, from, to) => this.beside(i, from, to) > 1.2; // rows that differ by a seat leave the edge straight
      for (const row of block.rows.slice(1, -1)) if (wide(row.first + row.count - 1, headEnd, tailEnd)) ring.push(row.first + row.count - 1);
      for (let i = tail.first + tail.count - 1; i >= tail.first; i--) ring.push(i);
      for (const row of block.rows.slice(1, -1).reverse()) if (wide(row.first, tail.first, head.first)) ring.push(row.first);
      block.first = head.first;
      block.end = tail.first + tail.count;
      block.path = new Path2D();
      ring.forEach((i, n) => block.path[n ? "lineTo" : "moveTo"](this.x[i], this.y[i]));
      block.path.closePath();
      const xs = ring.map((i) => this.x[i]);
      const ys = ring.map((i) => this.y[i]);
      block.box = { left: Math.min(...xs) - 0.8, right: Math.max(...xs) + 0.8, top: Math.min(...ys) - 0.8, bottom: Math.max(...ys) + 0.8 };
      let [x, y] = [0, 0];
      for (let i = block.first; i < block.end; i++) [x, y] = [x + this.x[i], y + this.y[i]];
      block.middle = { x: x / (block.end - block.first), y: y / (block.end - block.first) };
    }
  }

  // beside is how far a seat lies from the line through two others.
  beside(i, from, to) {
    const [dx, dy] = [this.x[to] - this.x[from], this.y[to] - this.y[from]];
    return Math.abs(dx * (this.y[i] - this.y[from]) - dy * (this.x[i] - this.x[from])) / (Math.hypot(dx, dy) || 1);
  }

  layCells() {
    this.columns = Math.floor(this.width / cell) + 1;
    const lines = Math.floor(this.height / cell) + 1;
    const at = (i) => Math.floor(this.y[i] / cell) * this.columns + Math.floor(this.x[i] / cell);
    this.starts = new Uint32Array(this.columns * lines + 1);
    for (let i = 0; i < this.count; i++) this.starts[at(i) + 1]++;
    for (let c = 1; c < this.starts.length; c++) this.starts[c] += this.starts[c - 1];
    const next = this.starts.slice();
    this.cells = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i++) this.cells[next[at(i)]++] = i;
  }

  // within calls f with every seat in a rectangle, in seats.
  within(left, top, right, bottom, f) {
    const lines = (this.starts.length - 1) / this.columns;
    const [fromX, toX] = [Math.max(0, Math.floor(left / cell)), Math.min(this.columns - 1, Math.floor(right / cell))];
    const [fromY, toY] = [Math.max(0, Math.floor(top / cell)), Math.min(lines - 1, Math.floor(bottom / cell))];
    for (let cy = fromY; cy <= toY; cy++) {
      for (let cx = fromX; cx <= toX; cx++) {
        const at = cy * this.columns + cx;
        for (let n = this.starts[at]; n < this.starts[at + 1]; n++) {
          const i = this.cells[n];
          if (this.x[i] >= left && this.x[i] <= right && this.y[i] >= top && this.y[i] <= bottom) f(i);
        }
      }
    }
  }
}
