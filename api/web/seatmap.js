// The seats of a hall on a canvas: blocks with names from afar, seats from near. It
// draws what is to be seen and no more, and while one pans only the strips that come
// into view. Lengths are in seats: 1 is the distance of two neighbours.

const near = 7; // pixels a seat from which on seats are drawn
const nearest = 44; // and the most: what a finger hits
const readable = 24; // from which on they carry their numbers
const fade = 450; // milliseconds in which a seat that was taken fades
const cell = 8; // width of a cell of the index, in seats

// How a seat looks, also without colour: full, a ring, a cross, a disc with a tick, a double ring.
const kinds = { free: 0, held: 1, sold: 2, chosen: 3, offered: 4 };

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

export class SeatMap {
  // told: seat(i), section(s), moved(); words: {stage, soldOut, free(n)}.
  constructor(canvas, layout, told, words) {
    Object.assign(this, { canvas, layout, told, words });
    this.context = canvas.getContext("2d", { alpha: false });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.groups = priceGroups(layout);
    this.shown = new Set(this.groups.groups.keys());
    this.lay();
    this.states = new Uint8Array(this.count);
    this.marks = new Map(); // seat → kind, above its state
    this.fading = new Map(); // seat → since when, and from which kind
    this.view = { scale: 0, x: 0, y: 0 };
    this.listen();
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
    this.blocks = this.layout.sections.map((section) => ({ section, seats: [], rows: [] }));
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

  // kind is how a seat looks now.
  kind(i) { return this.marks.get(i) ?? this.states[i]; }

  // setStates takes one letter a seat. What changed since the last time fades.
  setStates(letters) {
    const first = this.known === undefined;
    this.known = letters;
    let changed = 0;
    for (let i = 0; i < this.count; i++) {
      const state = letters[i] === "f" ? kinds.free : letters[i] === "h" ? kinds.held : kinds.sold;
      if (state === this.states[i]) continue;
      if (!first && ++changed < 500 && !this.calm.matches && !this.marks.has(i)) this.fading.set(i, { since: performance.now(), from: this.kind(i) });
      this.states[i] = state;
    }
    if (first || changed) {
      for (const block of this.blocks) {
        block.free = 0;
        for (let i = block.first; i < block.end; i++) if (this.states[i] === kinds.free) block.free++;
      }
      // Seats from near are drawn one by one as they fade; all else anew.
      this.redraw(first || changed >= 500 || this.calm.matches || this.view.scale < near);
    }
  }

  // setMarks takes which seats are chosen, and which are offered.
  setMarks(chosen, offered = []) {
    this.marks = new Map([...offered.map((i) => [i, kinds.offered]), ...chosen.map((i) => [i, kinds.chosen])]);
    for (const i of this.marks.keys()) this.fading.delete(i);
    this.redraw(true);
  }

  // show tells which groups of prices are drawn in full; the others grow pale.
  show(groups) {
    this.shown = groups;
    this.redraw(true);
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    this.ratio = Math.min(3, devicePixelRatio || 1);
    const fresh = !this.view.scale || this.view.scale <= this.least * 1.001; // what showed all goes on to
    const middle = { x: (this.wide / 2 - this.view.x) / this.view.scale, y: (this.high / 2 - this.view.y) / this.view.scale };
    this.canvas.width = Math.round(box.width * this.ratio);
    this.canvas.height = Math.round(box.height * this.ratio);
    [this.wide, this.high] = [box.width, box.height];
    if (fresh) this.fit();
    else this.go({ scale: this.view.scale, x: this.wide / 2 - middle.x * this.view.scale, y: this.high / 2 - middle.y * this.view.scale });
    this.dress();
  }

  // dress reads the colours from the style sheet, so that there is one place for them.
  dress() {
    const probe = document.createElement("span");
    this.canvas.after(probe);
    const colour = (name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    this.colours = {
      ground: colour("map-ground"), block: colour("map-block"), edge: colour("map-edge"), ink: colour("map-ink"), quiet: colour("map-quiet"),
      gone: colour("map-gone"), accent: colour("map-chosen"), onAccent: colour("map-on-chosen"), stage: colour("map-stage"),
      prices: this.groups.groups.map((_, g) => colour(`price-${g + 1}`)), onPrice: colour("map-on-price"),
    };
    this.font = getComputedStyle(this.canvas).fontFamily;
    probe.remove();
    this.sprites = undefined;
    this.redraw(true);
  }

  get least() { return Math.min(this.wide / (this.bounds.right - this.bounds.left), this.high / (this.bounds.bottom - this.bounds.top)); }

  fit() { this.look(this.bounds); }

  // look brings a rectangle into view.
  look(box, most = nearest) {
    const scale = Math.min(most, this.wide / (box.right - box.left), this.high / (box.bottom - box.top));
    this.go({ scale, x: this.wide / 2 - ((box.left + box.right) / 2) * scale, y: this.high / 2 - ((box.top + box.bottom) / 2) * scale });
  }

  lookAtSeats(seats) {
    const xs = seats.map((i) => this.x[i]);
    const ys = seats.map((i) => this.y[i]);
    this.glide({ left: Math.min(...xs) - 6, right: Math.max(...xs) + 6, top: Math.min(...ys) - 6, bottom: Math.max(...ys) + 6 }, 28);
  }

  // glide is look, taking a moment for it where people like that.
  glide(box, most = nearest) {
    const from = { ...this.view };
    this.look(box, most);
    const to = { ...this.view };
    if (this.calm.matches || document.hidden) return;
    const since = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - since) / 320));
      const eased = 1 - (1 - t) ** 3;
      const scale = from.scale * (to.scale / from.scale) ** eased;
      // What lies in the middle goes along a straight line, however the scale grows.
      const part = to.scale === from.scale ? eased : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
      const middle = (axis, half) => ((half - from[axis]) / from.scale) * (1 - part) + ((half - to[axis]) / to.scale) * part;
      this.go({ scale, x: this.wide / 2 - middle("x", this.wide / 2) * scale, y: this.high / 2 - middle("y", this.high / 2) * scale });
      this.gliding = t < 1 ? requestAnimationFrame(step) : undefined;
    };
    cancelAnimationFrame(this.gliding);
    this.go(from);
    this.gliding = requestAnimationFrame(step);
  }

  halt() {
    cancelAnimationFrame(this.gliding);
    this.gliding = undefined;
  }

  // go sets the view, within what makes sense.
  go({ scale, x, y }) {
    scale = Math.min(nearest, Math.max(this.least, scale));
    const keep = (at, low, high, room) => {
      const [min, max] = [room / 2 - high * scale, room / 2 - low * scale];
      return Math.min(max, Math.max(min, at)); // the middle of the view stays on the plan
    };
    const { left, right, top, bottom } = this.bounds;
    this.view = { scale, x: keep(x, left, right, this.wide), y: keep(y, top, bottom, this.high) };
    if (scale <= this.least * 1.001) {
      this.view.x = this.wide / 2 - ((left + right) / 2) * scale;
      this.view.y = this.high / 2 - ((top + bottom) / 2) * scale;
    }
    this.redraw(false);
    this.told.moved?.();
  }

  pan(dx, dy) { this.go({ ...this.view, x: this.view.x + dx, y: this.view.y + dy }); }

  // zoom keeps a point of the canvas where it is.
  zoom(factor, x = this.wide / 2, y = this.high / 2) {
    const scale = Math.min(nearest, Math.max(this.least, this.view.scale * factor));
    const by = scale / this.view.scale;
    this.go({ scale, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by });
  }

  redraw(whole) {
    if (whole) this.drawn = undefined;
    this.waiting ??= requestAnimationFrame((now) => {
      this.waiting = undefined;
      this.draw(now);
    });
  }

  draw(now) {
    if (!this.colours || !this.view.scale) return;
    const { scale } = this.view;
    const at = { scale, x: Math.round(this.view.x * this.ratio), y: Math.round(this.view.y * this.ratio) };
    const { width, height } = this.canvas;
    if (scale < near) {
      this.drawBlocks(at);
      this.fading.clear();
      this.drawn = undefined;
      return;
    }
    this.makeSprites(scale);
    const [dx, dy] = this.drawn?.scale === scale ? [at.x - this.drawn.x, at.y - this.drawn.y] : [width, height];
    if (Math.abs(dx) >= width || Math.abs(dy) >= height) {
      this.drawSeats(at, 0, 0, width, height);
    } else if (dx || dy) {
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      this.context.drawImage(this.canvas, dx, dy);
      if (dx) this.drawSeats(at, dx > 0 ? 0 : width + dx, 0, Math.abs(dx), height);
      if (dy) this.drawSeats(at, 0, dy > 0 ? 0 : height + dy, width, Math.abs(dy));
    }
    this.drawn = at;
    this.drawFading(at, now);
  }

  // drawBlocks draws the hall from afar: each block in the colour of its price, with its name.
  drawBlocks({ scale, x, y }) {
    const c = this.context;
    const colours = this.colours;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = colours.ground;
    c.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const unit = scale * this.ratio;
    this.drawStage(unit, x, y);
    for (const [s, block] of this.blocks.entries()) {
      const shown = this.shown.has(this.groups.of[s]) && block.free > 0;
      c.setTransform(unit, 0, 0, unit, x, y);
      c.globalAlpha = shown ? 1 : 0.45;
      c.fillStyle = c.strokeStyle = shown ? colours.prices[this.groups.of[s]] : colours.gone;
      c.lineJoin = "round";
      c.lineWidth = 1.1;
      c.fill(block.path);
      c.stroke(block.path);
      c.globalAlpha = 1;
      this.nameBlock(block, shown, unit, x, y);
    }
    c.setTransform(1, 0, 0, 1, 0, 0);
    for (const [i, kind] of this.marks) {
      c.beginPath();
      c.arc(x + this.x[i] * unit, y + this.y[i] * unit, 5 * this.ratio, 0, 2 * Math.PI);
      c.fillStyle = kind === kinds.chosen ? colours.accent : colours.ground;
      c.strokeStyle = kind === kinds.chosen ? colours.ground : colours.accent;
      c.lineWidth = 2 * this.ratio;
      c.fill();
      c.stroke();
    }
  }

  nameBlock(block, shown, unit, x, y) {
    const c = this.context;
    const size = Math.min(15, Math.max(9, ((block.box.right - block.box.left) * unit) / this.ratio / 4)) * this.ratio;
    const wide = (block.box.right - block.box.left) * unit;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.font = `650 ${size}px ${this.font}`;
    if (c.measureText(block.section.section).width > wide * 0.9) return;
    c.fillStyle = shown ? this.colours.onPrice : this.colours.quiet;
    c.textAlign = "center";
    c.textBaseline = "middle";
    const [mx, my] = [x + block.middle.x * unit, y + block.middle.y * unit];
    const says = block.free ? this.words.free(block.free) : this.words.soldOut;
    const roomy = (block.box.bottom - block.box.top) * unit > size * 3.2;
    c.fillText(block.section.section, mx, roomy ? my - size * 0.5 : my);
    if (!roomy) return;
    c.font = `450 ${size * 0.72}px ${this.font}`;
    if (c.measureText(says).width < Math.sqrt((block.end - block.first) * 1.6) * unit * 0.7) c.fillText(says, mx, my + size * 0.6);
  }

  drawStage(unit, x, y) {
    const c = this.context;
    const { stage } = this;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = this.colours.stage;
    c.beginPath();
    c.roundRect(x + stage.x * unit, y + stage.y * unit, stage.wide * unit, stage.deep * unit, Math.min(8 * this.ratio, stage.deep * unit * 0.3));
    c.fill();
    const size = Math.min(stage.deep * unit * 0.55, 14 * this.ratio);
    if (size < 7 * this.ratio) return;
    c.fillStyle = this.colours.quiet;
    c.font = `600 ${size}px ${this.font}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(this.words.stage, x + (stage.x + stage.wide / 2) * unit, y + (stage.y + stage.deep / 2) * unit);
  }

  // makeSprites draws each look of a seat once for a scale; seats are copies of it.
  makeSprites(scale) {
    if (this.sprites?.scale === scale) return;
    const size = Math.max(4, Math.round(scale * this.ratio));
    const colours = this.colours;
    const one = (paint) => {
      const sprite = document.createElement("canvas");
      sprite.width = sprite.height = size;
      const c = sprite.getContext("2d");
      c.translate(size / 2, size / 2);
      c.lineCap = "round";
      paint(c, size * 0.42);
      return sprite;
    };
    const disc = (c, r) => {
      c.beginPath();
      c.arc(0, 0, r, 0, 2 * Math.PI);
    };
    const free = (colour) => one((c, r) => { c.fillStyle = colour; disc(c, r); c.fill(); });
    this.sprites = {
      scale, size,
      free: colours.prices.map(free),
      pale: free(colours.edge),
      held: one((c, r) => { c.strokeStyle = colours.gone; c.lineWidth = r * 0.3; disc(c, r * 0.8); c.stroke(); }),
      sold: one((c, r) => {
        c.strokeStyle = colours.gone;
        c.lineWidth = r * 0.26;
        c.beginPath();
        for (const d of [1, -1]) { c.moveTo(-r * 0.42, -r * 0.42 * d); c.lineTo(r * 0.42, r * 0.42 * d); }
        c.stroke();
      }),
      chosen: one((c, r) => {
        c.fillStyle = colours.accent;
        disc(c, r * 1.15);
        c.fill();
        c.strokeStyle = colours.onAccent;
        c.lineWidth = r * 0.28;
        c.lineJoin = "round";
        c.beginPath();
        c.moveTo(-r * 0.5, 0.02 * r);
        c.lineTo(-r * 0.12, r * 0.4);
        c.lineTo(r * 0.52, -r * 0.36);
        c.stroke();
      }),
      offered: one((c, r) => {
        c.fillStyle = c.strokeStyle = colours.accent;
        disc(c, r * 0.5);
        c.fill();
        c.lineWidth = r * 0.24;
        disc(c, r * 1.02);
        c.stroke();
      }),
    };
  }

  spriteOf(i, kind) {
    const group = this.groups.of[this.places.list[i].section];
    if (kind === kinds.free) return this.shown.has(group) ? this.sprites.free[group] : this.sprites.pale;
    return [undefined, this.sprites.held, this.sprites.sold, this.sprites.chosen, this.sprites.offered][kind];
  }

  // drawSeats draws a part of the canvas, in its pixels, from near.
  drawSeats({ scale, x, y }, left, top, wide, high) {
    const c = this.context;
    const unit = scale * this.ratio;
    const box = { left: (left - x) / unit, top: (top - y) / unit, right: (left + wide - x) / unit, bottom: (top + high - y) / unit };
    c.save();
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.beginPath();
    c.rect(left, top, wide, high);
    c.clip();
    c.fillStyle = this.colours.ground;
    c.fillRect(left, top, wide, high);
    this.drawStage(unit, x, y);
    const touches = (b) => b.left - 2 < box.right && b.right + 2 > box.left && b.top - 2 < box.bottom && b.bottom > box.top;
    const seen = this.blocks.filter((block) => touches(block.box));
    c.fillStyle = c.strokeStyle = this.colours.block;
    c.lineJoin = "round";
    for (const block of seen) {
      c.setTransform(unit, 0, 0, unit, x, y);
      c.lineWidth = 1.6;
      c.fill(block.path);
      c.stroke(block.path);
    }
    c.setTransform(1, 0, 0, 1, 0, 0);
    const half = this.sprites.size / 2;
    const numbers = scale >= readable;
    this.within(box.left - 1, box.top - 1, box.right + 1, box.bottom + 1, (i) => {
      this.drawSeat(i, this.kind(i), x + Math.round(this.x[i] * unit - half), y + Math.round(this.y[i] * unit - half), numbers);
    });
    if (scale >= 11) this.drawRows(seen, box, unit, x, y);
    c.restore();
  }

  drawSeat(i, kind, x, y, numbers) {
    const c = this.context;
    c.drawImage(this.spriteOf(i, kind), x, y);
    if (!numbers || kind !== kinds.free) return;
    const { size } = this.sprites;
    c.font = `550 ${size * 0.34}px ${this.font}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillStyle = this.shown.has(this.groups.of[this.places.list[i].section]) ? this.colours.onPrice : this.colours.quiet;
    c.fillText(this.places.list[i].number, x + size / 2, y + size * 0.52);
  }

  // drawRows writes the rows' names beside their first seats.
  drawRows(blocks, box, unit, x, y) {
    const c = this.context;
    c.font = `500 ${Math.min(12 * this.ratio, unit * 0.6)}px ${this.font}`;
    c.fillStyle = this.colours.quiet;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const block of blocks) {
      for (const row of block.rows) {
        const i = row.first;
        if (this.y[i] < box.top - 1 || this.y[i] > box.bottom + 1 || this.x[i] < box.left - 2 || this.x[i] > box.right + 4) continue;
        c.fillText(row.row, x + (this.x[i] - 0.85) * unit, y + this.y[i] * unit);
      }
    }
  }

  // drawFading draws the seats that change, one by one, until they have.
  drawFading({ scale, x, y }, now) {
    if (!this.fading.size) return;
    const c = this.context;
    const unit = scale * this.ratio;
    const { size } = this.sprites;
    c.setTransform(1, 0, 0, 1, 0, 0);
    for (const [i, { since, from }] of this.fading) {
      const t = Math.min(1, Math.max(0, (now - since) / fade));
      const [px, py] = [x + Math.round(this.x[i] * unit - size / 2), y + Math.round(this.y[i] * unit - size / 2)];
      c.fillStyle = this.colours.block;
      c.fillRect(px, py, size, size);
      c.globalAlpha = 1 - t;
      this.drawSeat(i, from, px, py, scale >= readable);
      c.globalAlpha = t;
      this.drawSeat(i, this.kind(i), px, py, scale >= readable);
      c.globalAlpha = 1;
      if (t === 1) this.fading.delete(i);
    }
    if (this.fading.size) this.redraw(false);
  }

  // at finds what lies under a point of the canvas: a seat from near, a block from afar.
  at(px, py) {
    const { scale } = this.view;
    const [x, y] = [(px - this.view.x) / scale, (py - this.view.y) / scale];
    if (scale >= near) {
      const reach = Math.max(0.6, 14 / scale);
      let best, least = reach;
      this.within(x - reach, y - reach, x + reach, y + reach, (i) => {
        const far = Math.hypot(this.x[i] - x, this.y[i] - y);
        if (far < least) [best, least] = [i, far];
      });
      return { seat: best };
    }
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.lineWidth = 1.6;
    const section = this.blocks.findIndex((b) => this.context.isPointInPath(b.path, x, y) || this.context.isPointInStroke(b.path, x, y));
    return { section: section < 0 ? undefined : section };
  }

  tap(px, py) {
    const { seat, section } = this.at(px, py);
    if (seat !== undefined) this.told.seat(seat);
    if (section !== undefined) this.enter(section);
  }

  // enter comes so near to a section that its seats can be told apart.
  enter(section) {
    const { box } = this.blocks[section];
    const scale = Math.min(this.wide / (box.right - box.left + 2), this.high / (box.bottom - box.top + 2));
    const least = Math.max(scale, 14);
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    this.glide({ left: x - this.wide / least / 2, right: x + this.wide / least / 2, top: y - this.high / least / 2, bottom: y + this.high / least / 2 });
    this.told.section?.(section);
  }

  listen() {
    const { canvas } = this;
    const fingers = new Map();
    let moved = 0;
    const here = (event) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    canvas.addEventListener("pointerdown", (event) => {
      this.halt();
      canvas.setPointerCapture(event.pointerId);
      if (!fingers.size) moved = 0;
      fingers.set(event.pointerId, here(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      const was = fingers.get(event.pointerId);
      if (!was) return;
      const is = here(event);
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      fingers.set(event.pointerId, is);
      moved += Math.hypot(is.x - was.x, is.y - was.y);
      if (!other) {
        if (moved > 6) this.pan(is.x - was.x, is.y - was.y);
        return;
      }
      const spread = (a) => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y));
      this.zoom(spread(is) / spread(was), (is.x + other.x) / 2, (is.y + other.y) / 2);
      this.pan((is.x - was.x) / 2, (is.y - was.y) / 2);
      moved += 7; // two fingers never tap
    });
    const lift = (event) => {
      const was = fingers.get(event.pointerId);
      fingers.delete(event.pointerId);
      if (was && event.type === "pointerup" && moved <= 6 && !fingers.size) this.tap(was.x, was.y);
    };
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.halt();
      const { x, y } = here(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), x, y);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = 80;
      const does = {
        ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0), ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
        "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4), 0: () => this.fit(),
      }[event.key];
      if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.halt();
      does();
    });
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dress());
  }
}
