// The desk of one show: asks for figures and changes all the time, and shows them.
import { History, draw, span } from "./chart.js";
import { Changes } from "./changes.js";
import { keeping } from "./keeping.js";
import { letters } from "./letters.js";
import { Levers } from "./levers.js";
import { lookUp } from "./lookup.js";
import { seating } from "./seating.js";
import { looks } from "./looks.js";
import { $, backOff, call, lang, learn, local, money, number, root, say, text } from "./ui.js";
import { lasted } from "./deskwords.js";

await learn(`desk.${lang}`);

const id = root.dataset.show;
const path = `/admin/shows/${id}`;
const every = 1500; // milliseconds between two looks: others' changes show within two seconds
const seldom = 6000; // and between two at what is dear to ask

const history = new History(kept());
const levers = new Levers(path, () => look());
const countKept = keeping(levers);
const changes = new Changes(id, $("changes"));
const dead = letters($("letters"), () => lookSeldom());

let show, timer, vitals, sales, asked;
let failures = 0; // in a row
let looking = false;
const untold = []; // changes that are known of, and not taken in yet
let again = false;
let errors = history.last?.errors ?? 0;
const failed = new Map(); // gateway → its count, as last seen

// look asks what is new, now and again; while it does, another look waits for the first.
async function look() {
  clearTimeout(timer);
  if (looking) return (again = true);
  looking = true;
  await ask();
  looking = false;
  if (again) {
    again = false;
    return look();
  }
}

async function ask() {
  try {
    const news = changes.look().then((entries) => untold.push(...entries)); // whatever becomes of the figures
    const [stats] = await Promise.all([call("GET", `${path}/stats`), news]);
    if (!show || untold.length) {
      show = await call("GET", path);
      levers.know(show, untold);
      looks(levers, id).catch(() => {}); // it stays as it was until the next change
      countKept().catch(() => {}); // likewise
      tell(untold.splice(0));
    }
    failures = 0;
    trouble();
    note(stats);
    levers.see(stats);
    if (!(Date.now() - asked < seldom)) lookSeldom();
  } catch (problem) {
    return fail(problem);
  }
  timer = setTimeout(look, every);
}

function fail(problem) {
  if (problem.status === 401) {
    const again = Object.assign(document.createElement("a"), { href: location.pathname, textContent: text("desk.signin") });
    trouble(text("desk.signedout") + " ");
    return $("trouble").append(again);
  }
  trouble(problem.message);
  if (!problem.told) console.error(problem);
  timer = setTimeout(look, problem.after || Math.min(5000, backOff(failures++)));
}

// lookSeldom asks the gateway how it fares, and what was sold.
async function lookSeldom() {
  asked = Date.now();
  try {
    [vitals, sales] = await Promise.all([call("GET", "/admin/vitals"), call("GET", `${path}/sales?from=${new Date(asked - span).toISOString()}`)]);
  } catch {
    return; // the other look says so
  }
  if (failed.has(vitals.gateway)) errors += Math.max(0, vitals.failed - failed.get(vitals.gateway));
  failed.set(vitals.gateway, vitals.failed);
  dead.know(vitals.listeners);
}

const lag = () => (vitals ? Math.max(0, ...vitals.listeners.map((l) => l.lag_seconds)) : null);

// note takes figures in, and draws them.
function note(stats) {
  const at = Date.parse(stats.as_of);
  const { waiting, active, max_active: cap, admitted, joined, seats, wait_seconds: wait } = stats;
  if (!history.add({ at, waiting, active, cap, admitted, joined, p50: wait.p50, free: seats?.free, sold: seats?.sold, errors, lag: lag() })) return;
  const times = history.samples.map((s) => s.at);
  for (const [name, tile] of Object.entries(tiles)) {
    const { value, beside = "", under = "", values, limit } = tile(stats);
    say($(`name-${name}`), text(`desk.tile.${name}`));
    say($(`value-${name}`), value);
    say($(`beside-${name}`), beside);
    say($(`under-${name}`), under);
    $(`chart-${name}`).setAttribute("aria-label", text("desk.chart", { name: text(`desk.tile.${name}`), value }));
    draw($(`chart-${name}`), times, values, limit);
  }
  say($("as-of"), text("desk.asof", { time: new Date(at).toLocaleTimeString(lang) }));
  $("tile-errors").classList.toggle("alarm", Boolean(history.perMinute("errors").at(-1)));
  $("tile-lag").classList.toggle("alarm", lag() > 60 || dead.count > 0);
}

const series = (name) => history.samples.map((s) => s[name] ?? null);
const known = (n, write) => (n === null || n === undefined ? "–" : write(n));
const round = (n) => number(Math.round(n));

const tiles = {
  waiting: (s) => ({
    value: number(s.waiting), values: series("waiting"),
    under: s.phase === "lobby" ? text("desk.lobby", { n: s.lobby }) : text("desk.present", { n: s.present, away: s.away }),
  }),
  inside: (s) => ({
    value: number(s.active), beside: text("desk.most", { n: s.max_active }), values: series("active"), limit: s.max_active,
    under: text("desk.holding", { n: s.holding }),
  }),
  rate(s) {
    const set = show && (show.admission.admit * 60000) / show.admission.interval_ms;
    const seen = history.perMinute("admitted");
    const now = seen.at(-1) ?? (s.rate_per_second === null ? null : s.rate_per_second * 60);
    return {
      value: known(now, round), beside: text("desk.most", { n: Math.round(set) }), values: seen, limit: set,
      under: text("desk.admitted", { n: s.admitted, missed: s.missed }),
    };
  },
  joins: (s) => ({ value: known(history.perMinute("joined").at(-1), round), values: history.perMinute("joined"), under: text("desk.joined", { n: s.joined }) }),
  waits: (s) => ({
    value: known(s.wait_seconds.p50, lasted), values: series("p50"),
    beside: s.wait_seconds.p90 === null ? "" : text("desk.ninety", { time: lasted(s.wait_seconds.p90) }),
    under: s.eta_error ? text("desk.eta", { share: percent(s.eta_error.inside) }) : text("desk.eta.none"),
  }),
  seats: (s) => ({ value: known(s.seats?.free, number), values: series("free"), under: s.seats ? text("desk.seats", { n: s.seats.sold, held: s.seats.held }) : "" }),
  sales: () => ({
    value: known(sales, () => number(sales.totals.orders)), values: history.perMinute("sold"),
    under: known(sales, () => text("desk.revenue", { amount: money(sales.totals.revenue - sales.totals.refunded, sales.currency) })),
  }),
  errors: () => ({ value: known(vitals && (history.perMinute("errors").at(-1) ?? 0), round), values: history.perMinute("errors"), under: text("desk.errors") }),
  lag: () => ({ value: known(lag(), lasted), values: series("lag"), under: text("desk.dead", { n: dead.count }) }),
};

const percent = (share) => new Intl.NumberFormat(lang, { style: "percent" }).format(share);

// tell shows what others have changed.
function tell(news) {
  const theirs = news.filter((entry) => !levers.own.has(entry.request_id));
  if (!theirs.length) return;
  say($("news-text"), theirs.map((entry) => changes.sentence(entry)).join(" "));
  $("news").hidden = false;
}

function trouble(words) {
  $("trouble").hidden = !words;
  if (words) say($("trouble"), words);
}

// What was seen outlives a reload, as long as the tab.
function kept() {
  try {
    const samples = JSON.parse(sessionStorage.getItem(`desk-${id}`)) ?? [];
    return samples.filter((s) => s.at > Date.now() - span);
  } catch {
    return [];
  }
}
addEventListener("pagehide", () => sessionStorage.setItem(`desk-${id}`, JSON.stringify(history.samples)));

$("news-close").onclick = () => ($("news").hidden = true);
$("older").onclick = () => changes.older();
lookUp(levers, $("find"), $("found"));
seating(id, $("seating"));
local();
look();
