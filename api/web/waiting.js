// The waiting room, once there is script: it takes over the page as the gateway served it,
// and keeps nothing but the cookies and, for this tab, where the visitor started.
import { $, announce, backOff, call, clock, has, local, number, Problem, range, root, say, text } from "./ui.js";
import { chance, eta, lookAfter, position } from "./board.js";
import { offer, turn } from "./alert.js";
import { draw as drawLine } from "./line.js";
import { share } from "./tabs.js";
import { prove } from "./proof.js";
import { offer as offerMove, offered } from "./move.js";

const { show, visitor, title, brand } = root.dataset;
const where = `/shows/${show}/queue`;
const states = ["unknown", "joins", "lobby", "waiting", "admitted", "sold_out", "over", "elsewhere"];

let state = root.dataset.state, own, newest = 0, skew = 0, polled = 0, failures = 0, asking = false;
let late = "late" in root.dataset; // everything is sold, and there is no place to ask about
let timer, looking, ticking, last; // last: the status that is shown

// --- what is shown ---

// see shows one state, and with it what belongs to it.
function see(next) {
  const shown = next === "finished" || next === "expired" ? "over" : next;
  state = next;
  for (const id of states) $(id).hidden = id !== shown;
  $("alerts").hidden = !["lobby", "waiting", "sold_out"].includes(shown);
  $("next").hidden = !["lobby", "waiting"].includes(shown);
  $("leaving").hidden = $("move").hidden = !["lobby", "waiting", "admitted", "sold_out"].includes(shown) || late;
  $("arrive").hidden = !placeless();
  root.dataset.state = next;
  // The page was served in some phase; who has a number now is past the lobby.
  const phase = ["waiting", "admitted"].includes(shown) && root.dataset.phase === "lobby" ? "open" : root.dataset.phase;
  say($("phase"), text(shown === "sold_out" ? "phase.sold_out" : `phase.${phase}`));
  document.title = `${shown === "admitted" ? `${text("turn.tab")} · ` : ""}${title} · ${brand}`;
  if (shown !== "lobby" && shown !== "admitted") clearInterval(ticking);
}

// placeless tells whether there is nothing to ask about.
const placeless = () => state === "joins" || state === "elsewhere";

// trouble says in plain words what hinders us; nothing: nothing does.
function trouble(words = "") {
  $("trouble").hidden = !words;
  say($("trouble"), words);
}

function countDown(until, tick) {
  clearInterval(ticking);
  const now = () => tick(Date.parse(until) - Date.now() - skew);
  ticking = setInterval(now, 1000);
  now();
}

// tell shows a status. An answer that is older than the last is not shown.
function tell(status) {
  const asOf = Date.parse(status.as_of);
  if (asOf < newest) return;
  newest = asOf;
  last = status;
  skew = asOf - Date.now();
  if (status.number) own = status.number;
  $("message").hidden = !status.message;
  say($("message-text"), status.message ?? "");
  const before = state;
  see(status.state);
  ({ lobby, waiting, admitted, sold_out: soldOut, finished: over, expired: over })[status.state](status, before);
  tellDraw(status);
}

function lobby(status) {
  countDown(status.starts_at, (left) => {
    say($("draw-label"), left > 0 ? text("lobby.draw") : text("lobby.now"));
    say($("starts"), left > 0 ? clock(left) : "…");
  });
}

function waiting(status) {
  const { first, last } = remember(status);
  say($("position"), number(status.position));
  say($("ahead"), status.ahead === 0 ? text("wait.next") : text("wait.ahead", { n: status.ahead }));
  say($("eta"), range(status.eta));
  const moved = first - status.position;
  say($("moved"), status.position > last ? text("wait.back") : moved > 0 ? text("wait.moved", { n: moved }) : text("wait.here"));
  $("seats-fact").hidden = $("chance-fact").hidden = !status.chance;
  if (status.chance) {
    say($("seats"), number(status.seats_left));
    say($("chance"), text(status.chance === "low" && !status.seats_left ? "chance.held" : `chance.${status.chance}`));
  }
  drawLine($("line"), status.position, first);
  if (status.ahead === 0 && last > 1) announce(text("wait.next"));
}

// remember keeps where the visitor started, and gives that and the position shown last.
function remember({ number: mine, position: now }) {
  let known = {};
  try {
    known = JSON.parse(sessionStorage.getItem(`frontrow:${show}`)) ?? {};
  } catch {
    // nothing is kept where storage is not allowed
  }
  if (known.number !== mine) known = { number: mine, first: now, last: now };
  const last = known.last;
  try {
    sessionStorage.setItem(`frontrow:${show}`, JSON.stringify({ ...known, first: Math.max(known.first, now), last: now }));
  } catch {
    // as above
  }
  return { first: Math.max(known.first, now), last };
}

function admitted(status, before) {
  let warned = Infinity;
  countDown(status.admitted_until, (left) => {
    say($("left"), clock(left));
    const minutes = Math.ceil(left / 60000);
    if ([5, 2, 1].includes(minutes) && minutes < warned && left > 0) announce(text("turn.soon", { n: warned = minutes }));
  });
  $("more").hidden = !status.prolong_seconds;
  if (status.prolong_seconds) say($("more-text"), text("turn.more.text", { time: clock(status.prolong_seconds * 1000) }));
  if (before === "admitted") return;
  turn(title);
  announce(text("turn.title"));
  $("turn-title").focus();
}

function soldOut(status) {
  const listed = status.waiting_list?.position;
  say($("sold-text"), listed ? text("sold.listed", { n: listed }) : text(late ? "sold.late" : "sold.text"));
  $("enlist").hidden = Boolean(listed);
  $("leaving").hidden = $("move").hidden = late;
}

// noSeats is for whoever comes when everything is sold.
function noSeats() {
  late = true;
  see("sold_out");
  soldOut({});
}

function over({ state: how }) {
  say($("over-title"), text(`over.title.${how}`));
  say($("over-text"), text(`over.${how}`));
}

// --- the draw ---

function tellDraw(status) {
  if ($("draw").hidden || status.state === "lobby" || !own || !globalThis.crypto?.subtle) return;
  $("draw-own").hidden = false;
  say($("draw-number"), text("draw.number", { n: own }));
}

$("check").onclick = () => press($("check"), async () => {
  say($("check-told"), text("draw.checking"));
  const { check } = await import("./drawcheck.js");
  try {
    const { found, ...more } = await check(show, visitor, own, $("commitment").textContent);
    const key = ["right", "late"].includes(found) ? `draw.${found}` : `draw.wrong.${found}`;
    say($("check-told"), has(key) ? text(key, more) : text("problem.other"));
  } catch (error) {
    say($("check-told"), "");
    throw error;
  }
});

// --- asking ---

// poll asks how the place stands. One tab of a browser does it for all of them.
async function poll() {
  if (asking || late || !tabs.leads()) return;
  clearTimeout(timer);
  clearTimeout(looking);
  asking = true;
  polled = Date.now();
  try {
    heard(await call("GET", where));
  } catch (error) {
    failed(error);
  } finally {
    asking = false;
  }
}

function heard(status) {
  if (!$("trouble").hidden) {
    trouble();
    announce(text("trouble.back"));
  }
  failures = 0;
  late = false;
  tell(status);
  tabs.tell({ status });
  // Far back, the board says how the line moves; a poll only says that we are here.
  clearTimeout(timer);
  clearTimeout(looking);
  let after = status.board?.presence_after_ms ?? status.poll_after_ms;
  if (offered()) after = Math.min(after, 3000); // the place may be gone any moment
  if (after && tabs.leads()) timer = setTimeout(poll, after);
  if (status.board && tabs.leads()) looking = setTimeout(lookAtBoard, lookAfter(status.board, status.eta), status);
}

function failed(error) {
  if (!(error instanceof Problem)) throw error;
  if (!error.passing) {
    // 401, 404, 410: there is no place (any more), or it is on another device.
    const to = error.code === "place_moved" ? "elsewhere" : "joins";
    gone(to);
    // A place was shown a moment ago: then the browser keeps no cookies.
    if (["place_expired", "show_not_found", "banned"].includes(error.code) || (error.code === "token_required" && last)) trouble(error.message);
    tabs.tell({ gone: to });
    return;
  }
  const known = ["lobby", "waiting", "admitted", "sold_out"].includes(state);
  trouble(error.code === "offline" && known ? text("trouble.offline") : error.message);
  tabs.tell({ trouble: $("trouble").textContent });
  timer = setTimeout(poll, error.after || backOff(failures));
  failures++;
}

// gone shows that there is no place to ask about.
function gone(to) {
  clearTimeout(timer);
  clearTimeout(looking);
  own = undefined;
  trouble();
  see(to);
  if (to === "elsewhere") announce(text("moved.title"));
}

// lookAtBoard works the position out from what is the same for everybody.
async function lookAtBoard(status) {
  try {
    const answer = await fetch(`/v1/shows/${show}/board`);
    if (!answer.ok) return; // the next poll knows better
    const board = await answer.json();
    const place = position(board, status.number);
    const wait = eta(board, place);
    if (place === null || (wait && wait.high_seconds < 60)) return poll();
    if (Date.parse(board.as_of) > newest) {
      const seen = { ...status, as_of: board.as_of, position: place, ahead: place - 1, eta: wait, chance: chance(board, place), seats_left: board.seats?.free, message: board.message };
      tell(seen);
      tabs.tell({ status: seen });
    }
    looking = setTimeout(lookAtBoard, lookAfter(board, wait, place), status);
  } catch {
    // offline: the poll says so
  }
}

// wake asks at once: a phone slept, the network is back, or the page was shown again.
function wake() {
  tabs.lead();
  if (!placeless() && Date.now() - polled > 1000) poll();
}

// --- what the visitor does ---

async function press(button, what) {
  button.disabled = true;
  try {
    await what();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    trouble(error.message);
  } finally {
    button.disabled = false;
  }
}

const deeds = {
  // join asks for a place until there is an answer: it solves a challenge where the show
  // wants one, and waits where too many come from the same network.
  async join(path = where) {
    newest = 0;
    for (let tries = 0, headers = {}; ; tries++) {
      try {
        const status = await call("POST", path, { headers });
        trouble();
        return heard(status);
      } catch (error) {
        if (error.code === "sold_out" && path === where) return noSeats();
        if (error.status === 429) await waitFor(error.after || 1000);
        else if (!error.code?.startsWith("proof_") || tries > 4) throw error;
        if (error.told.challenge) headers = { "X-Frontrow-Proof": await work() };
      }
    }
  },
  enlist: () => deeds.join(`${where}/waiting-list`),
  leave: () => $("sure").showModal(),
  async prolong() {
    await call("POST", `${where}/prolong`);
    announce(text("turn.more.done"));
    poll();
  },
  async move() {
    await offerMove(where);
    poll();
  },
  async accept() {
    await call("POST", `${where}/move/accept`, { body: { code: $("code-in").value } });
    tabs.tell({ another: true });
    location.reload(); // this browser is another visitor now
  },
};

async function waitFor(ms) {
  const until = Date.now() + ms;
  while (Date.now() < until) {
    trouble(text("join.crowd", { time: clock(until - Date.now()) }));
    await new Promise((done) => setTimeout(done, 1000));
  }
}

async function work() {
  if (!globalThis.crypto?.subtle) throw Object.assign(new Problem(0, { code: "proof_required" }, 0), { message: text("join.https") });
  trouble(text("join.work"));
  return prove(await call("GET", `${where}/challenge`));
}

for (const form of document.querySelectorAll("form.deed")) {
  form.onsubmit = (event) => {
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    press(button, () => deeds[button.value]());
  };
}
$("stay").onclick = () => $("sure").close();
$("leave-now").onclick = () => press($("leave-now"), async () => {
  $("sure").close();
  await call("DELETE", where);
  gone("joins");
  tabs.tell({ gone: "joins" });
});

// --- several tabs ---

const tabs = share(`frontrow:${show}`, {
  // Whoever leads must ask: a tab that knows of no place learns from the others of theirs.
  lead: () => (placeless() ? tabs.tell({ ask: true }) : poll()),
  heard({ status, gone: to, trouble: words, ask, another }) {
    if (another) location.reload();
    if (ask && last && !placeless()) tabs.tell({ status: last });
    if (status) {
      trouble();
      tell(status);
      if (tabs.leads()) poll(); // another tab joined: from here on this one asks
    }
    if (to) gone(to);
    if (words !== undefined) trouble(words);
  },
});

offer();
local();
$("stuck")?.remove();
see(state);
addEventListener("online", wake);
addEventListener("offline", () => { if (!placeless()) trouble(text("trouble.offline")); });
addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") wake(); });
