// What all pages share: texts in the visitor's language, numbers and times as that
// language writes them, and the way to the gateway.

export const root = document.documentElement;
export const lang = root.lang;

const texts = {};
await learn(lang);
const plurals = new Intl.PluralRules(lang);
const numbers = new Intl.NumberFormat(lang);

// learn takes in a file of texts.
export async function learn(name) {
  const answer = await fetch(new URL(`messages/${name}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`no texts: ${answer.status}`); // the page stays as it was served
  Object.assign(texts, await answer.json());
}

// text of a key, with {{.name}} filled in: numbers as the language writes them, the rest as it
// is. Where a text has plural forms, `n` chooses. It is text, never HTML.
export function text(key, values = {}) {
  let found = texts[key];
  if (typeof found === "object") found = found[plurals.select(values.n ?? 0)] ?? found.other;
  if (found === undefined) return key;
  return found.replace(/\{\{\.(\w+)\}\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name] ?? ""));
}

// placeName says where a place is, in words. what: name in its section, or seat in its row, with its state.
export const placeName = (section, what, values) => text(`${section.standing ? "standing" : "seats"}.${what}`, values);

export const has = (key) => key in texts;
export const number = (n) => numbers.format(n);
export const money = (amount, currency) => {
  const format = new Intl.NumberFormat(lang, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
};
export const moment = (time) => new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "short" }).format(new Date(time));
export const hour = (time) => new Intl.DateTimeFormat(lang, { timeStyle: "short" }).format(new Date(time));

// clock writes milliseconds that are left: 4:05, or 1:04:05.
export function clock(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// Problem is an answer that says what went wrong, or no answer at all (code "offline").
// `after` is when trying again makes sense, in milliseconds; 0: nobody said.
export class Problem extends Error {
  constructor(status, told, after) {
    super(words(told, after));
    Object.assign(this, { status, told, code: told.code, after });
  }
  get passing() { return this.status === 0 || this.status === 429 || this.status >= 500; }
}

function words(told, after) {
  const short = told.code === "seats_taken" && !told.taken; // of the best so many, none in particular
  const key = short ? "problem.seats_short" : `problem.${told.code}`;
  return has(key) ? text(key, { ...told, n: Math.ceil(after / 1000), seats: (told.taken ?? told.seats ?? []).join(", ") }) : text("problem.other");
}

// call asks the gateway and gives what it answers; throws a Problem. A request that got no
// answer within `within` milliseconds counts as offline.
export async function call(method, path, { body, headers = {}, within = 15000, cache = "default" } = {}) {
  if (method !== "GET") headers = { "X-Frontrow": "1", ...headers };
  if (body !== undefined) headers = { "Content-Type": "application/json", ...headers };
  let answer, told;
  try {
    answer = await fetch("/v1" + path, { method, headers, body: body && JSON.stringify(body), cache, credentials: "same-origin", signal: giveUp(within) });
    told = answer.status === 204 ? {} : await answer.json();
  } catch (error) {
    if (answer && error instanceof SyntaxError) told = { code: "unavailable" }; // something between us and the gateway spoke
    else throw new Problem(0, { code: "offline" }, 0);
  }
  if (!answer.ok || told.code === "unavailable") throw new Problem(answer.status, told, (Number(answer.headers.get("Retry-After")) || 0) * 1000);
  return told;
}

function giveUp(within) {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), within);
  return stop.signal;
}

// backOff is how long to wait after the n-th failure in a row, in milliseconds: twice as long
// each time up to half a minute, and never all browsers at once.
export const backOff = (n) => Math.min(30000, 1000 * 2 ** n) * (0.5 + Math.random() / 2);

// stored keeps values in the tab; where the browser does not let us, as long as the page is open.
const memory = new Map();
const storage = (() => {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
})();
export const stored = {
  get: (name) => JSON.parse((storage ? storage.getItem(name) : memory.get(name)) ?? "null"),
  set: (name, value) => (storage ? storage.setItem(name, JSON.stringify(value)) : memory.set(name, JSON.stringify(value))),
  remove: (name) => (storage ? storage.removeItem(name) : memory.delete(name)),
};

export const $ = (id) => document.getElementById(id);

// say sets a text only where it changed, so that a screen reader is not told twice.
export function say(element, words) {
  if (element && element.textContent !== words) element.textContent = words;
}

// announce tells a screen reader, once.
export function announce(words) { say($("told"), words); }

// local writes every <time data-local> as the visitor's clock and language have it.
export function local(within = document) {
  for (const time of within.querySelectorAll("time[data-local]")) time.textContent = moment(time.dateTime);
}

// range says a wait in words, as the gateway does where there is no script (api/waiting.go).
export function range(wait) {
  if (!wait) return text("eta.unknown");
  const [low, high] = [Math.floor(wait.low_seconds / 60), Math.ceil(wait.high_seconds / 60)];
  if (high <= 1) return text("eta.soon");
  if (high > 180) return text("eta.hours", { low: Math.floor(low / 60), n: Math.ceil(high / 60) });
  return Math.max(low, 1) === high ? text("eta.one", { n: high }) : text("eta.range", { low: Math.max(low, 1), n: high });
}
