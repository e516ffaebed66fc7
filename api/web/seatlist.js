// The seats as a list: sections, in them rows, in them seats. It does all that the map
// does, for who does not see it, or uses no pointer. Rows are made once a section is opened.
import { money, placeName, say, text } from "./ui.js";

const letters = ["free", "held", "sold"];

export class SeatList {
  // map is the SeatMap, whose states and marks it shows; choose(i) is called for a seat.
  constructor(root, map, choose) {
    Object.assign(this, { root, map, choose });
    this.buttons = new Map(); // seat → its button, where it was made
    this.sections = map.blocks.map((block, s) => this.addSection(block, s));
  }

  addSection(block, s) {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    const name = document.createElement("span");
    const left = document.createElement("span");
    name.textContent = block.section.name;
    left.className = "quiet";
    const swatch = document.createElement("span");
    swatch.className = `swatch price-${this.map.groups.of[s] + 1}`;
    summary.append(swatch, name, left);
    details.append(summary);
    details.addEventListener("toggle", () => {
      if (!details.open || details.childElementCount > 1) return;
      details.append(this.rows(block));
      this.update();
    });
    details.addEventListener("keydown", (event) => this.step(event, block));
    this.root.append(details);
    return { details, left, block };
  }

  rows(block) {
    const table = document.createElement("div");
    const { standing } = block.section;
    table.className = "rows";
    if (standing) {
      const help = document.createElement("p");
      help.className = "small quiet";
      help.textContent = text("standing.help");
      table.append(help);
    }
    for (const row of block.rows) {
      const line = document.createElement("div");
      line.className = "seat-row";
      line.setAttribute("role", "group");
      line.setAttribute("aria-label", standing ? block.section.name : text("seats.row", { row: row.row }));
      const label = document.createElement("span");
      label.className = "small quiet";
      label.setAttribute("aria-hidden", "true");
      label.textContent = standing ? "" : row.row;
      line.append(label);
      for (let i = row.first; i < row.first + row.count; i++) line.append(this.button(i, i === block.first));
      table.append(line);
    }
    return table;
  }

  button(i, first) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "seat";
    button.textContent = this.map.places.list[i].number;
    button.tabIndex = first ? 0 : -1;
    button.dataset.seat = i;
    button.addEventListener("click", () => {
      this.rove(button);
      this.choose(i);
    });
    this.buttons.set(i, button);
    return button;
  }

  // rove leaves one seat of a section in the order of tabs; arrows reach the others.
  rove(button) {
    button.closest("details").querySelector('.seat[tabindex="0"]')?.setAttribute("tabindex", "-1");
    button.tabIndex = 0;
  }

  step(event, block) {
    if (!event.target.dataset.seat) return;
    const i = Number(event.target.dataset.seat);
    const r = block.rows.findIndex((row) => i >= row.first && i < row.first + row.count);
    const row = block.rows[r];
    const aside = (other) => other && Math.min(other.first + other.count - 1, other.first + Math.round(((i - row.first) * (other.count - 1)) / Math.max(1, row.count - 1)));
    const to = {
      ArrowLeft: Math.max(row.first, i - 1), ArrowRight: Math.min(row.first + row.count - 1, i + 1),
      ArrowUp: aside(block.rows[r - 1]), ArrowDown: aside(block.rows[r + 1]), Home: row.first, End: row.first + row.count - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const button = this.buttons.get(to);
    this.rove(button);
    button.focus();
  }

  // update shows the states as the map has them, where somebody looks.
  update() {
    const { map } = this;
    for (const { details, left, block } of this.sections) {
      details.hidden = !map.shown.has(map.groups.of[map.places.list[block.first].section]);
      say(left, `${money(block.section.price, map.layout.currency)} · ${block.free ? text("seats.left", { n: block.free }) : text("seats.soldout")}`);
      if (!details.open || details.childElementCount < 2) continue;
      for (let i = block.first; i < block.end; i++) this.dress(i);
    }
  }

  dress(i) {
    const [button, kind] = [this.buttons.get(i), this.map.kind(i)];
    const seat = this.map.places.list[i];
    if (button.dataset.kind === String(kind)) return;
    button.dataset.kind = kind;
    const state = kind === 3 ? "free" : kind === 4 ? "offered" : letters[kind];
    button.setAttribute("aria-pressed", kind === 3);
    button.setAttribute("aria-disabled", kind === 1 || kind === 2);
    button.setAttribute("aria-label", placeName(this.map.layout.sections[seat.section], "seat", { number: seat.number, row: this.map.places.rows[seat.row].row, state: text(`seats.${state}`) }));
  }
}
