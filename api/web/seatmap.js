// The seat map: what is seen of the hall, and how pointers, wheel and keys move it. plan.js
// knows where the seats are, painter.js how they look, tiles.js keeps what is drawn.
import { kinds, near, Painter } from "./painter.js";
import { Plan } from "./plan.js";
import { Tiles } from "./tiles.js";

const nearest = 44; // the most pixels a seat: what a finger hits
const fade = 450; // milliseconds in which a seat that was taken fades
const many = 500; // changes at once from which on none fades

export class SeatMap extends Plan {
  // told: seat(i), section(s), rests(); words: {stage, soldOut, free(n)}.
  constructor(root, layout, told, words) {
    super(layout);
    Object.assign(this, { root, told });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.shown = new Set(this.groups.groups.keys());
    this.states = new Uint8Array(this.count);
    this.marks = new Map(); // seat → kind, above its state
    this.fading = new Map(); // seat → since when, and from which kind
    this.view = { scale: 0, x: 0, y: 0 };
    this.scratch = document.createElement("canvas").getContext("2d");
    this.painter = new Painter(this, words);
    this.tiles = new Tiles(root, (context, part) => this.painter.paint(context, part));
    this.listen();
  }

  // kind is how a seat looks now.
  kind(i) { return this.marks.get(i) ?? this.states[i]; }

  // setStates takes one letter a seat. What changed since the last time fades.
  setStates(letters) {
    const first = this.known === undefined;
    this.known = letters;
    const changed = [];
    for (let i = 0; i < this.count; i++) {
      const state = letters[i] === "f" ? kinds.free : letters[i] === "h" ? kinds.held : kinds.sold;
      if (state === this.states[i]) continue;
      changed.push([i, this.kind(i)]);
      this.states[i] = state;
    }
    if (!first && !changed.length) return;
    for (const block of this.blocks) {
      const was = block.free;
      block.free = 0;
      for (let i = block.first; i < block.end; i++) if (this.states[i] === kinds.free) block.free++;
      if (this.view.scale < near && block.free !== was) this.tiles.stale(block.box);
    }
    if (first || changed.length >= many) return this.tiles.stale();
    if (this.view.scale < near) return;
    for (const [i, from] of changed) {
      if (this.calm.matches || this.marks.has(i)) this.touch(i);
      else this.fading.set(i, { since: performance.now(), from });
    }
    this.fadeOn();
  }

  // touch has what a seat is on drawn anew.
  touch(i) {
    const reach = 1 + 6 / this.view.scale;
    this.tiles.stale({ left: this.x[i] - reach, right: this.x[i] + reach, top: this.y[i] - reach, bottom: this.y[i] + reach });
  }

  // fadeOn draws the seats that change, one by one, until they have.
  fadeOn() {
    if (!this.fading.size) return;
    this.fader ??= requestAnimationFrame((now) => {
      this.fader = undefined;
      for (const [i, { since, from }] of this.fading) {
        const t = Math.min(1, Math.max(0, (now - since) / fade));
        if (t === 1) {
          this.fading.delete(i);
          this.touch(i);
          continue;
        }
        for (const tile of this.tiles.around(this.x[i], this.y[i], 0.6)) {
          const part = this.tiles.part(tile);
          if (part.scale >= near && !tile.stale) this.painter.fade(tile.context, i, from, t, part);
        }
      }
      this.fadeOn();
    });
  }

  // setMarks takes which seats are chosen, and which are offered.
  setMarks(chosen, offered = []) {
    const marks = new Map([...offered.map((i) => [i, kinds.offered]), ...chosen.map((i) => [i, kinds.chosen])]);
    const before = this.marks;
    this.marks = marks;
    for (const i of new Set([...before.keys(), ...marks.keys()])) {
      if (before.get(i) === marks.get(i)) continue;
      this.fading.delete(i);
      this.touch(i);
    }
  }

  // only tells which groups of prices are drawn in full; the others grow pale.
  only(groups) {
    this.shown = groups;
    this.tiles.stale();
  }

  resize() {
    const box = this.root.getBoundingClientRect();
    const ratio = Math.min(2, devicePixelRatio || 1); // more is not seen, and costs
    if (!box.width || !box.height || (box.width === this.wide && box.height === this.high && ratio === this.ratio)) return;
    this.halt();
    const fresh = !this.view.scale || this.view.scale <= this.least * 1.001; // what showed all goes on to
    const middle = { x: (this.wide / 2 - this.view.x) / this.view.scale, y: (this.high / 2 - this.view.y) / this.view.scale };
    [this.wide, this.high] = [box.width, box.height];
    this.ratio = ratio;
    this.redress();
    if (fresh) this.fit();
    else this.go({ scale: this.view.scale, x: this.wide / 2 - middle.x * this.view.scale, y: this.high / 2 - middle.y * this.view.scale });
  }

  redress() {
    this.painter.dress(this.root, this.ratio);
    this.tiles.stale();
  }

  show() { this.tiles.show(this.view, { wide: this.wide, high: this.high }, this.ratio, this.bounds); }

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
    this.show();
    this.moves();
  }

  // moves notes that the view changes, and tells when it has come to rest.
  moves() {
    clearTimeout(this.resting);
    if (this.root.dataset.moves === undefined) this.root.dataset.moves = "";
    const rest = () => {
      if (!this.tiles.settled) return (this.resting = setTimeout(rest, 50));
      delete this.root.dataset.moves;
      this.told.rests?.();
    };
    this.resting = setTimeout(rest, 200);
  }

  pan(dx, dy) { this.go({ ...this.view, x: this.view.x + dx, y: this.view.y + dy }); }

  // zoom keeps a point of the map where it is.
  zoom(factor, x = this.wide / 2, y = this.high / 2) {
    const scale = Math.min(nearest, Math.max(this.least, this.view.scale * factor));
    const by = scale / this.view.scale;
    this.go({ scale, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by });
  }

  // at finds what lies under a point of the map: a seat from near, a block from afar.
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
      return { seat: best ?? this.anywhere(x, y) };
    }
    this.scratch.setTransform(1, 0, 0, 1, 0, 0);
    this.scratch.lineWidth = 1.6;
    const section = this.blocks.findIndex((b) => this.scratch.isPointInPath(b.path, x, y) || this.scratch.isPointInStroke(b.path, x, y));
    return { section: section < 0 ? undefined : section };
  }

  // anywhere is a place, other than those chosen, of the section there, if people stand in it.
  anywhere(x, y) {
    this.scratch.setTransform(1, 0, 0, 1, 0, 0);
    const block = this.blocks.find((b) => b.section.standing && this.scratch.isPointInPath(b.path, x, y));
    for (let i = block?.first; i < block?.end; i++) if (this.kind(i) !== kinds.chosen) return i;
    return undefined;
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
    const { root } = this;
    const fingers = new Map();
    let moved = 0;
    const here = (event) => {
      const box = root.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    root.addEventListener("pointerdown", (event) => {
      this.halt();
      root.setPointerCapture(event.pointerId);
      if (!fingers.size) moved = 0;
      fingers.set(event.pointerId, here(event));
    });
    root.addEventListener("pointermove", (event) => {
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
    root.addEventListener("pointerup", lift);
    root.addEventListener("pointercancel", lift);
    root.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.halt();
      const { x, y } = here(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), x, y);
    }, { passive: false });
    root.addEventListener("keydown", (event) => {
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
    new ResizeObserver(() => this.resize()).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redress());
  }
}
