// A plane in squares, each drawn once for a scale: while one pans, the browser moves what
// is drawn, and only squares that come into sight are drawn. While one zooms, what is
// drawn is stretched, and drawn anew once the scale stays.

const side = 256; // pixels of the page
const perFrame = 2; // squares drawn a frame, so that none takes long
const settle = 120; // milliseconds for which a scale must stay

export class Tiles {
  // paint(context, {scale, unit, x, y, size}) draws a square of `size` device pixels, whose upper
  // left corner lies at (-x, -y); `unit` is the scale in device pixels.
  constructor(root, paint) {
    Object.assign(this, { root, paint, spare: [] });
  }

  // show brings a view into sight, of a size in pixels of the page, and of what lies within bounds.
  show(view, size, ratio, bounds) {
    if (ratio !== this.ratio) this.clear(ratio);
    if (view.scale !== this.view?.scale) clearTimeout(this.settling);
    const settles = view.scale !== this.view?.scale && this.layer;
    Object.assign(this, { view, bounds, wide: size.wide, high: size.high });
    if (!this.layer) this.begin();
    else if (settles) this.settling = setTimeout(() => this.begin(), settle);
    this.place();
    this.request();
  }

  clear(ratio) {
    for (const layer of [this.layer, this.below]) layer?.box.remove();
    this.layer = this.below = undefined;
    this.spare = [];
    this.ratio = ratio;
    this.size = Math.round(side * ratio);
  }

  // begin starts a layer for the scale in view; the last one that covered it stays below until
  // this one does.
  begin() {
    if (this.view.scale === this.layer?.scale) return;
    if (this.below) this.drop(this.layer);
    else this.below = this.layer;
    const box = document.createElement("div");
    box.className = "layer";
    this.layer = { scale: this.view.scale, box, tiles: new Map() };
    this.root.append(box);
    this.place();
    this.request();
  }

  drop(layer) {
    layer.box.remove();
    for (const tile of layer.tiles.values()) this.spare.push(tile.context);
    this.spare.length = Math.min(this.spare.length, 64);
  }

  place() {
    const { scale, x, y } = this.view;
    const whole = (n) => Math.round(n * this.ratio) / this.ratio;
    for (const layer of [this.layer, this.below]) {
      if (!layer) continue;
      const stretch = scale / layer.scale;
      layer.box.style.transform = `translate(${whole(x)}px,${whole(y)}px)` + (stretch === 1 ? "" : ` scale(${stretch})`);
    }
  }

  // sight is which squares are in view, with so many around: {left, top, right, bottom}.
  sight(around) {
    const step = this.size / this.ratio;
    const { x, y, scale } = this.view;
    const of = (n, low, high) => Math.min(Math.floor((high * scale) / step), Math.max(Math.floor((low * scale) / step), n));
    const { left, right, top, bottom } = this.bounds;
    return {
      left: of(Math.floor(-x / step) - around, left, right), right: of(Math.floor((this.wide - x) / step) + around, left, right),
      top: of(Math.floor(-y / step) - around, top, bottom), bottom: of(Math.floor((this.high - y) / step) + around, top, bottom),
    };
  }

  request() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.step();
    });
  }

  // step draws some of the squares that are missing or stale: those in view first, then those
  // around it.
  step() {
    if (this.view.scale !== this.layer.scale) return; // it is being stretched
    const most = this.fresh || !(this.layer.tiles.size || this.below) ? Infinity : perFrame; // in part it would look torn
    let drew = 0;
    for (const around of [0, 1]) {
      const { left, top, right, bottom } = this.sight(around);
      for (let j = top; j <= bottom; j++) {
        for (let i = left; i <= right; i++) {
          const tile = this.layer.tiles.get(`${i} ${j}`);
          if (tile && !tile.stale) continue;
          if (drew >= (around ? 1 : most)) return this.request();
          this.draw(tile ?? this.add(i, j));
          drew++;
        }
      }
      if (around) continue;
      this.fresh = false;
      if (this.below) this.drop(this.below);
      this.below = undefined;
    }
    this.forget();
  }

  add(i, j) {
    const context = this.spare.pop() ?? document.createElement("canvas").getContext("2d", { alpha: false });
    const { canvas } = context;
    const step = this.size / this.ratio;
    if (canvas.width !== this.size) canvas.width = canvas.height = this.size;
    canvas.style.width = canvas.style.height = `${step}px`;
    canvas.style.transform = `translate(${i * step}px,${j * step}px)`;
    const tile = { i, j, context };
    this.layer.tiles.set(`${i} ${j}`, tile);
    return tile;
  }

  draw(tile) {
    tile.stale = false;
    this.paint(tile.context, this.part(tile));
    if (!tile.context.canvas.isConnected) this.layer.box.append(tile.context.canvas);
  }

  part({ i, j }) {
    const { scale } = this.layer;
    return { scale, unit: scale * this.ratio, x: -i * this.size, y: -j * this.size, size: this.size };
  }

  // forget gives up squares far out of view.
  forget() {
    const { left, top, right, bottom } = this.sight(2);
    for (const [key, { i, j, context }] of this.layer.tiles) {
      if (i >= left && i <= right && j >= top && j <= bottom) continue;
      context.canvas.remove();
      this.spare.push(context);
      this.layer.tiles.delete(key);
    }
  }

  // stale has all drawn anew, or what a part of the plane touches.
  stale(box) {
    if (!this.layer) return;
    const step = this.size / this.ratio / this.layer.scale;
    for (const tile of this.layer.tiles.values()) {
      const [x, y] = [tile.i * step, tile.j * step];
      if (!box || (x < box.right && x + step > box.left && y < box.bottom && y + step > box.top)) tile.stale = true;
    }
    if (!box) this.fresh = true;
    this.request();
  }

  // settled tells whether what is in view is drawn, and for its scale.
  get settled() { return this.layer?.scale === this.view.scale && !this.below && this.waiting === undefined; }

  // around are the squares drawn that a point reaches, so far around it.
  around(x, y, reach) {
    const found = new Set();
    const step = this.size / this.ratio / this.layer.scale;
    for (const dy of [-reach, reach]) {
      for (const dx of [-reach, reach]) {
        const tile = this.layer.tiles.get(`${Math.floor((x + dx) / step)} ${Math.floor((y + dy) / step)}`);
        if (tile) found.add(tile);
      }
    }
    return found;
  }
}
