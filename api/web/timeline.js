// The way of one order, step by step: to its buyer by their cookie, and with ?admin to
// who is signed in at the desk, or types the admin token, which stays in this page's memory.
const $ = (id) => document.getElementById(id);
const order = location.pathname.split("/").pop();
const asAdmin = new URLSearchParams(location.search).has("admin");

let token = "", timer;

// What a step says, by its kind.
const says = {
  hold: () => "Seats held",
  order: (s) => (s.outcome === "card" ? "Payment by card asked for" : "Paid from the wallet"),
  charge: () => "Provider asked for the money",
  ask: () => "Provider asked what became of it",
  refund: () => "Provider asked to give it back",
  webhook: () => "Provider has news",
  settled: () => "Payment has its outcome",
  event: (s) => s.type,
  told: (s) => `${s.listener} told`,
  due: (s) => `${s.listener} still to be told`,
  cancel: (s) => (s.by === "buyer" ? "Cancelled by the buyer" : "Cancelled"),
};

const tones = {
  good: ["paid", "captured", "done", "refunded", "void"],
  bad: ["declined", "dead", "failed"],
  open: ["pending", "no_answer", "unknown", "late", "waiting", "under_way", "cancelled"],
};
const toneOf = (word) => Object.keys(tones).find((tone) => tones[tone].includes(word)) ?? "";

const words = { dead: "given up" };
const major = ["hold", "order", "settled", "event", "cancel"];
const silent = ["hold", "order", "cancel"]; // their outcome is in what they say

const make = (tag, className, textContent) => Object.assign(document.createElement(tag), { className, textContent });

const lasted = (ms) => {
  if (ms < 1) return "less than 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
};

const precise = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" };

function clock(at, first) {
  const time = make("time", "", new Date(at).toLocaleTimeString([], precise));
  time.dateTime = at;
  time.title = new Date(at).toLocaleString();
  const since = new Date(at) - new Date(first);
  if (since > 0) time.textContent += ` · +${lasted(since)}`;
  return time;
}

function draw(step, first) {
  const item = make("li", [toneOf(step.outcome), major.includes(step.kind) ? "major" : ""].join(" ").trim());
  const head = make("div", "head");
  head.append(make("span", "", says[step.kind](step)));
  if (step.outcome && !silent.includes(step.kind)) head.append(make("span", "word", words[step.outcome] ?? step.outcome.replaceAll("_", " ")));
  head.append(clock(step.at, first));
  const rest = make("div", "rest");
  const facts = [
    step.type && step.kind !== "event" && `of ${step.type}`,
    step.try > 1 && `try ${step.try}`,
    step.took_ms !== undefined && `took ${lasted(step.took_ms)}`,
    step.by && step.by !== "buyer" && `by ${step.by}`,
    step.kind === "event" && step.event,
  ];
  for (const fact of facts) if (fact) rest.append(make("span", "", fact));
  item.append(head, rest);
  if (step.detail) item.append(make("p", "detail", step.detail));
  return item;
}

function tell(way) {
  $("state").textContent = way.state;
  $("state").className = `word ${toneOf(way.state)}`;
  $("show").textContent = way.show;
  $("trace").textContent = way.trace_id;
  const first = way.steps[0].at;
  $("span").textContent = lasted(Math.max(0, ...way.steps.filter((s) => s.kind !== "due").map((s) => new Date(s.at) - new Date(first))));
  $("steps").replaceChildren(...way.steps.map((step) => draw(step, first)));
  $("hangs").replaceChildren(...(way.hangs ?? []).map((text) => make("li", "", text)));
  $("hangs").hidden = !way.hangs?.length;
  $("more").hidden = !way.more;
  $("way").hidden = false;
  $("ask").hidden = true;
  // While something is still to come, look again.
  const open = way.state === "pending" || way.steps.some((s) => s.kind === "due");
  $("fresh").textContent = open ? "Looks again every three seconds." : "";
  if (open) timer = setTimeout(look, 3000);
}

async function look() {
  clearTimeout(timer);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    const answer = await fetch(`/v1/${asAdmin ? "admin/" : ""}orders/${order}/timeline`, { headers, credentials: "same-origin" });
    const told = await answer.json();
    if (!answer.ok) {
      const signedOut = asAdmin && answer.status === 401;
      trouble(signedOut && !token ? "" : told.detail);
      if (signedOut) [$("ask").hidden, $("way").hidden] = [false, true];
      if (answer.status === 429 || answer.status >= 500) timer = setTimeout(look, (Number(answer.headers.get("Retry-After")) || 3) * 1000);
      return;
    }
    trouble();
    tell(told);
  } catch {
    trouble("No connection; trying again.");
    timer = setTimeout(look, 3000);
  }
}

function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text ?? "";
}

$("order").textContent = order;
$("ask").onsubmit = (event) => {
  event.preventDefault();
  token = $("token").value;
  $("token").value = "";
  look();
};
look();
