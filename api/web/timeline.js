// The way of one order, step by step: to its buyer by their cookie, and with ?admin to
// who is signed in at the desk, or types the admin token, which stays in this page's memory.
import { $, Problem, backOff, call, has, lang, moment, text } from "./ui.js";

const order = $("order").textContent;
const asAdmin = new URLSearchParams(location.search).has("admin");

let token = "", timer, failed = 0;

// What a step says, by its kind.
const says = {
  hold: () => text("way.hold"),
  order: (s) => text(s.outcome === "card" ? "way.order.card" : "way.order.wallet"),
  charge: () => text("way.charge"),
  ask: () => text("way.ask"),
  refund: () => text("way.refund"),
  webhook: () => text("way.webhook"),
  settled: () => text("way.settled"),
  event: (s) => (has(`way.event.${s.type}`) ? text(`way.event.${s.type}`) : s.type),
  told: (s) => text("way.told", { listener: s.listener }),
  due: (s) => text("way.due", { listener: s.listener }),
  cancel: (s) => text(s.by === "buyer" ? "way.cancel.buyer" : "way.cancel"),
};

const tones = {
  good: ["paid", "captured", "done", "refunded", "void"],
  bad: ["declined", "dead", "failed"],
  open: ["pending", "no_answer", "unknown", "late", "waiting", "under_way", "cancelled"],
};
const toneOf = (word) => Object.keys(tones).find((tone) => tones[tone].includes(word)) ?? "";

const word = (outcome) => (has(`way.is.${outcome}`) ? text(`way.is.${outcome}`) : outcome.replaceAll("_", " "));
const major = ["hold", "order", "settled", "event", "cancel"];
const silent = ["hold", "order", "cancel"]; // their outcome is in what they say

const make = (tag, className, textContent) => Object.assign(document.createElement(tag), { className, textContent });

const amount = (n, unit, digits = 0) => new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(n);
const lasted = (ms) => {
  if (ms < 1) return `< ${amount(1, "millisecond")}`;
  if (ms < 1000) return amount(ms, "millisecond");
  if (ms < 60_000) return amount(ms / 1000, "second", 1);
  if (ms < 3_600_000) return `${amount(Math.floor(ms / 60_000), "minute")} ${amount((ms % 60_000) / 1000, "second")}`;
  return `${amount(Math.floor(ms / 3_600_000), "hour")} ${amount((ms % 3_600_000) / 60_000, "minute")}`;
};

const precise = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" };

function clock(at, first) {
  const time = make("time", "", new Date(at).toLocaleTimeString(lang, precise));
  time.dateTime = at;
  time.title = moment(at);
  const since = new Date(at) - new Date(first);
  if (since > 0) time.textContent += ` · +${lasted(since)}`;
  return time;
}

function draw(step, first) {
  const item = make("li", [toneOf(step.outcome), major.includes(step.kind) ? "major" : ""].join(" ").trim());
  const head = make("div", "head");
  head.append(make("span", "", says[step.kind](step)));
  if (step.outcome && !silent.includes(step.kind)) head.append(make("span", "word", word(step.outcome)));
  head.append(clock(step.at, first));
  const rest = make("div", "rest");
  const facts = [
    step.type && step.kind !== "event" && says.event(step),
    step.try > 1 && text("way.try", { n: step.try }),
    step.took_ms !== undefined && text("way.took", { time: lasted(step.took_ms) }),
    step.by && step.by !== "buyer" && text("way.by", { who: step.by }),
    step.kind === "event" && step.event,
  ];
  for (const fact of facts) if (fact) rest.append(make("span", "", fact));
  item.append(head, rest);
  if (step.detail) item.append(make("p", "detail", step.detail));
  return item;
}

function tell(way) {
  $("state").textContent = word(way.state);
  $("state").className = `word ${toneOf(way.state)}`;
  $("show").textContent = way.show;
  $("trace").textContent = way.trace_id;
  const first = way.steps[0].at;
  $("span").textContent = lasted(Math.max(0, ...way.steps.filter((s) => s.kind !== "due").map((s) => new Date(s.at) - new Date(first))));
  $("steps").replaceChildren(...way.steps.map((step) => draw(step, first)));
  $("hangs").replaceChildren(...(way.hangs ?? []).map((words) => make("li", "", words)));
  $("hangs").hidden = !way.hangs?.length;
  $("more").hidden = !way.more;
  $("way").hidden = false;
  $("ask").hidden = true;
  // While something is still to come, look again.
  const open = way.state === "pending" || way.steps.some((s) => s.kind === "due");
  $("fresh").textContent = open ? text("way.fresh") : "";
  if (open) timer = setTimeout(look, 3000);
}

async function look() {
  clearTimeout(timer);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    tell(await call("GET", `/${asAdmin ? "admin/" : ""}orders/${order}/timeline`, { headers }));
    failed = 0;
    trouble();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const signedOut = asAdmin && problem.status === 401;
    trouble(signedOut && !token ? undefined : problem);
    if (signedOut) [$("ask").hidden, $("way").hidden] = [false, true];
    if (problem.passing) timer = setTimeout(look, problem.after || backOff(++failed));
  }
}

function trouble(problem) {
  $("trouble").hidden = !problem;
  $("trouble").textContent = problem?.message ?? "";
}

$("ask").onsubmit = (event) => {
  event.preventDefault();
  token = $("token").value;
  $("token").value = "";
  look();
};
look();
