// What operators change, as the audit has it: the newest first, told to every desk.
import { $, call, text } from "./ui.js";
import { make, rather, time } from "./deskwords.js";

const page = 20;

export class Changes {
  constructor(show, list) {
    Object.assign(this, { show, list });
    this.known = new Set();
  }

  // look gives what was changed since the last look, the oldest first; nothing the first time.
  async look() {
    const { entries, next } = await call("GET", `/admin/audit?show=${this.show}&limit=${page}`);
    const first = !this.loaded;
    const news = entries.filter((entry) => !this.known.has(entry.id)).reverse();
    this.add(news, true);
    if (first) this.offer(next);
    this.loaded = true;
    $("no-changes").hidden = this.known.size > 0;
    return first ? [] : news;
  }

  async older() {
    $("older").disabled = true;
    try {
      const { entries, next } = await call("GET", `/admin/audit?show=${this.show}&limit=${page}&after=${this.next}`);
      this.add(entries, false);
      this.offer(next);
    } finally {
      $("older").disabled = false;
    }
  }

  offer(next) {
    this.next = next;
    $("older").hidden = !next;
  }

  add(entries, above) {
    for (const entry of entries) {
      this.known.add(entry.id);
      const item = this.item(entry);
      if (above) this.list.prepend(item);
      else this.list.append(item);
    }
  }

  item(entry) {
    const item = make("li");
    const head = make("p");
    head.append(make("strong", "", entry.operator), " ", make("span", "", action(entry)), " ", time(entry.at));
    item.append(head);
    for (const words of differences(entry)) item.append(make("p", "small quiet", words));
    return item;
  }

  // sentence says an entry in one line.
  sentence(entry) {
    return text("desk.news", { who: entry.operator, what: [action(entry), ...differences(entry)].join(" · ") });
  }
}

const action = (entry) => rather(`desk.action.${entry.action}`, entry.action.replaceAll("_", " ")) + (entry.subject ? ` ${entry.subject}` : "");

// differences writes every field that changed, from what to what.
function differences({ before, after }) {
  const [was, is] = [flat(before), flat(after)];
  if (!Object.keys(was).length) return [];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].map((field) =>
    text("desk.changed", { field: rather(`desk.field.${field}`, field), before: value(was[field]), after: value(is[field]) }));
}

function flat(object, prefix = "") {
  const found = {};
  for (const [name, inner] of Object.entries(object)) {
    if (inner && typeof inner === "object" && !Array.isArray(inner)) Object.assign(found, flat(inner, `${prefix}${name}.`));
    else found[prefix + name] = inner;
  }
  return found;
}

function value(of) {
  if (of === undefined || of === null || of === "") return "–";
  if (typeof of === "boolean") return text(of ? "desk.yes" : "desk.not");
  const words = typeof of === "string" ? of : JSON.stringify(of);
  return words.length > 80 ? words.slice(0, 79) + "…" : words;
}
