// How a hall looks: blocks with names from afar, seats from near. It draws a part of the
// plane at a time, in device pixels: {scale, unit, x, y, size}, see tiles.js.

export const near = 7; // pixels a seat from which on seats are drawn
const readable = 24; // from which on they carry their numbers
const rowed = 11; // from which on rows have their names

// How a seat looks, also without colour: full, a ring, a cross, a disc with a tick, a double ring.
export const kinds = { free: 0, held: 1, sold: 2, chosen: 3, offered: 4 };

export class Painter {
  // map is the SeatMap, whose states, marks and prices are drawn; words: {stage, soldOut, free(n)}.
  constructor(map, words) { Object.assign(this, { map, words }); }

  // dress reads the colours from the style sheet, so that there is one place for them.
  dress(element, ratio) {
    const probe = document.createElement("span");
    element.after(probe);
    const colour = (name) => {
      probe.style.color = `var(--${name})`;
      return getComputedStyle(probe).color;
    };
    this.colours = {
      ground: colour("map-ground"), block: colour("map-block"), quiet: colour("map-quiet"), gone: colour("map-gone"), edge: colour("map-edge"),
      accent: colour("map-chosen"), onAccent: colour("map-on-chosen"), stage: colour("map-stage"),
      prices: this.map.groups.groups.map((_, g) => colour(`price-${g + 1}`)), onPrice: colour("map-on-price"),
    };
    this.font = getComputedStyle(element).fontFamily;
    this.ratio = ratio;
    probe.remove();
    this.sprites = undefined;
  }

  paint(c, part) {
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = this.colours.ground;
    c.fillRect(0, 0, part.size, part.size);
    this.stage(c, part);
    if (part.scale < near) this.blocks(c, part);
    else this.seats(c, part);
  }

  // seen are the blocks that a part touches, and `box` what it covers of the plane.
  seen({ unit, x, y, size }) {
    const box = { left: -x / unit, top: -y / unit, right: (size - x) / unit, bottom: (size - y) / unit };
    return { box, blocks: this.map.blocks.filter(({ box: b }) => b.left - 2 < box.right && b.right + 2 > box.left && b.top - 2 < box.bottom && b.bottom + 2 > box.top) };
  }

  // blocks draws the hall from afar: each block in the colour of its price, with its name.
  blocks(c, part) {
    const { unit, x, y } = part;
    const { map, colours } = this;
    const { blocks } = this.seen(part);
    for (const block of blocks) {
      const group = map.groups.of[block.at];
      const shown = map.shown.has(group) && block.free > 0;
      c.setTransform(unit, 0, 0, unit, x, y);
      c.globalAlpha = shown ? 1 : 0.45;
      c.fillStyle = c.strokeStyle = shown ? colours.prices[group] : colours.gone;
      c.lineJoin = "round";
      c.lineWidth = 1.1;
      c.fill(block.path);
      c.stroke(block.path);
      c.globalAlpha = 1;
      this.name(c, block, shown, part);
    }
    c.setTransform(1, 0, 0, 1, 0, 0);
    for (const [i, kind] of map.marks) {
      c.beginPath();
      c.arc(x + map.x[i] * unit, y + map.y[i] * unit, 5 * this.ratio, 0, 2 * Math.PI);
      c.fillStyle = kind === kinds.chosen ? colours.accent : colours.ground;
      c.strokeStyle = kind === kinds.chosen ? colours.ground : colours.accent;
      c.lineWidth = 2 * this.ratio;
      c.fill();
      c.stroke();
    }
  }

  name(c, block, shown, { unit, x, y }) {
    const wide = (block.box.right - block.box.left) * unit;
    const size = Math.min(15, Math.max(9, wide / this.ratio / 4)) * this.ratio;
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

  stage(c, { unit, x, y }) {
    const { stage } = this.map;
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

  // seats draws the hall from near.
  seats(c, part) {
    const { map, colours } = this;
    const { scale, unit, x, y } = part;
    const { box, blocks } = this.seen(part);
    this.makeSprites(unit);
    c.fillStyle = c.strokeStyle = colours.block;
    c.lineJoin = "round";
    c.lineWidth = 1.6;
    c.setTransform(unit, 0, 0, unit, x, y);
    for (const block of blocks) {
      c.fill(block.path);
      c.stroke(block.path);
    }
    c.setTransform(1, 0, 0, 1, 0, 0);
    map.within(box.left - 1, box.top - 1, box.right + 1, box.bottom + 1, (i) => this.seat(c, i, map.kind(i), part));
    if (scale >= rowed) this.rows(c, blocks, box, part);
  }

  seat(c, i, kind, { scale, unit, x, y }) {
    const { size } = this.sprites;
    const [px, py] = [x + Math.round(this.map.x[i] * unit - size / 2), y + Math.round(this.map.y[i] * unit - size / 2)];
    c.drawImage(this.sprite(i, kind), px, py);
    if (scale < readable || kind !== kinds.free) return;
    const place = this.map.places.list[i];
    c.font = `550 ${size * 0.34}px ${this.font}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillStyle = this.map.shown.has(this.map.groups.of[place.section]) ? this.colours.onPrice : this.colours.quiet;
    c.fillText(place.number, px + size / 2, py + size * 0.52);
  }

  // fade draws a seat that changes, from one kind to that which it has; t goes from 0 to 1.
  fade(c, i, from, t, part) {
    this.makeSprites(part.unit);
    const { size } = this.sprites;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = this.colours.block;
    c.fillRect(part.x + Math.round(this.map.x[i] * part.unit - size / 2), part.y + Math.round(this.map.y[i] * part.unit - size / 2), size, size);
    for (const [kind, alpha] of [[from, 1 - t], [this.map.kind(i), t]]) {
      c.globalAlpha = alpha;
      this.seat(c, i, kind, part);
    }
    c.globalAlpha = 1;
  }

  sprite(i, kind) {
    const group = this.map.groups.of[this.map.places.list[i].section];
    if (kind === kinds.free) return this.map.shown.has(group) ? this.sprites.free[group] : this.sprites.pale;
    return [undefined, this.sprites.held, this.sprites.sold, this.sprites.chosen, this.sprites.offered][kind];
  }

  // makeSprites draws each look of a seat once for a scale; seats are copies of it.
  makeSprites(unit) {
    if (this.sprites?.unit === unit) return;
    const size = Math.max(4, Math.round(unit));
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
      unit, size,
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

  // rows writes the rows' names beside their first seats.
  rows(c, blocks, box, { unit, x, y }) {
    const { map } = this;
    c.font = `500 ${Math.min(12 * this.ratio, unit * 0.6)}px ${this.font}`;
    c.fillStyle = this.colours.quiet;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const block of blocks) {
      if (block.section.standing) continue;
      for (const row of block.rows) {
        const i = row.first;
        if (map.y[i] < box.top - 1 || map.y[i] > box.bottom + 1 || map.x[i] < box.left - 2 || map.x[i] > box.right + 4) continue;
        c.fillText(row.row, x + (map.x[i] - 0.85) * unit, y + map.y[i] * unit);
      }
    }
  }
}
