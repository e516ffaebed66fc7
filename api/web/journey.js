// The journey in one page: join, wait, hold, pay. It keeps nothing but the cookies,
// so a reload, or a browser that was closed, picks up where it was.
import { chance, eta, position } from "/assets/board.js";

const $ = (id) => document.getElementById(id);
const money = (amount, currency) => new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.max(0, Math.floor(seconds % 60))).padStart(2, "0")}`;

const range = (wait) => {
  if (!wait) return "Nobody can say yet how long it will take.";
  const [low, high] = [Math.floor(wait.low_seconds / 60), Math.ceil(wait.high_seconds / 60)];
  return high <= 1 ? "Less than a minute." : `About ${low === high ? high : `${low} to ${high}`} minutes.`;
};

const odds = ({ chance: likely, seats_left: left }) => ({
  good: `${left} seats are left: they should reach for you.`,
  low: left ? `${left} seats are left: they may not reach for you.` : "No seat is free just now; those on hold may come back.",
  none: "Everything is sold.",
})[likely] || "";

let show, layout, hold, chosen = new Set(), timer, looking, ticking, start = 0, newest = "";

async function call(method, path, body, headers = {}) {
  if (method !== "GET") headers["X-Frontrow"] = "1";
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch("/v1" + path, { method, headers, body: body && JSON.stringify(body), credentials: "same-origin" });
  const told = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.detail), { status: answer.status, told, after: Number(answer.headers.get("Retry-After")) || 2 });
  return told;
}

function see(id) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== id;
}

function trouble(error) {
  $("trouble").hidden = !error;
  if (error) $("trouble").textContent = error.message || "No connection. Your place is kept; trying again.";
}

function countDown(element, until, text) {
  clearInterval(ticking);
  const tick = () => { element.textContent = text(clock((new Date(until) - Date.now()) / 1000)); };
  tick();
  ticking = setInterval(tick, 1000);
}

async function begin() {
  const shows = (await call("GET", "/shows")).shows.filter((s) => s.phase === "open");
  for (const s of shows) $("shows").add(new Option(s.title, s.show));
  $("shows").parentElement.hidden = shows.length < 2;
  if (!shows.length) return;
  const wanted = location.hash.slice(1);
  if (shows.some((s) => s.show === wanted)) $("shows").value = wanted;
  $("shows").onchange = () => enter(shows.find((s) => s.show === $("shows").value));
  await enter(shows.find((s) => s.show === $("shows").value));
}

async function enter(next) {
  show = next;
  [start, newest, hold, layout] = [0, "", undefined, undefined];
  chosen.clear();
  location.hash = show.show;
  $("title").textContent = show.title;
  $("venue").textContent = show.venue;
  await poll();
}

async function poll() {
  clearTimeout(timer);
  clearTimeout(looking);
  try {
    tell(await call("GET", `/shows/${show.show}/queue`));
    trouble();
  } catch (error) {
    if ([401, 404, 410].includes(error.status)) return see("join");
    if (error.status === 429) error.message = `Too many requests, from this browser or from others of your network. Your place is kept; trying again in ${error.after} s.`;
    trouble(error);
    timer = setTimeout(poll, (error.after || 3) * 1000);
  }
}

function tell(status) {
  if (status.as_of < newest) return;
  newest = status.as_of;
  $("message").hidden = !status.message;
  $("message").textContent = status.message || "";
  // Far back, the board says how the line moves; a poll only says that we are here.
  if (status.poll_after_ms) timer = setTimeout(poll, status.board?.presence_after_ms ?? status.poll_after_ms);
  if (status.board) looking = setTimeout(lookAtBoard, status.board.poll_after_ms, status);
  const say = { waiting, admitted, finished: over, expired: over, sold_out: over }[status.state];
  say(status);
}

async function lookAtBoard(status) {
  try {
    const answer = await fetch(`/v1/shows/${show.show}/board`);
    if (!answer.ok) return; // the next poll knows better
    const board = await answer.json();
    const place = position(board, status.number);
    const wait = eta(board, place);
    if (place === null || (wait && wait.high_seconds < 60)) return poll();
    if (board.as_of > newest) {
      newest = board.as_of;
      waiting({ ...status, position: place, ahead: place - 1, eta: wait, chance: chance(board, place), seats_left: board.seats?.free });
    }
    looking = setTimeout(lookAtBoard, board.poll_after_ms, status);
  } catch {
    // offline: the poll says so
  }
}

function waiting(status) {
  start = Math.max(start, status.position);
  $("position").textContent = status.position.toLocaleString();
  $("line").textContent = status.ahead === 0 ? "You are next." : `${status.ahead.toLocaleString()} ahead of you`;
  $("eta").textContent = range(status.eta);
  $("chance").textContent = odds(status);
  $("progress").value = start ? 1 - status.position / start : 0;
  see("waiting");
}

async function admitted(status) {
  document.title = "Your turn · Frontrow";
  if (!hold) {
    const { holds } = await call("GET", "/holds");
    hold = holds.find((h) => h.state === "held" && h.show === show.show);
  }
  if (hold && new Date(hold.expires_at) > Date.now()) return checkout();
  hold = undefined;
  countDown($("until"), status.admitted_until, (left) => `${left} left.`);
  await drawHall();
  see("inside");
}

async function drawHall() {
  layout ??= await call("GET", `/shows/${show.show}/seats/layout?v=${show.layout_version}`);
  const { states } = await call("GET", `/shows/${show.show}/seats/state`);
  let at = 0;
  const hall = document.createDocumentFragment();
  for (const section of layout.sections) {
    const heading = document.createElement("h2");
    heading.append(section.name + " ", Object.assign(document.createElement("small"), { textContent: money(section.price, layout.currency) }));
    hall.append(heading);
    for (const row of section.rows) {
      const line = document.createElement("div");
      line.className = "row";
      line.append(Object.assign(document.createElement("span"), { textContent: row.row }));
      for (const seat of row.seats) {
        const button = Object.assign(document.createElement("button"), { type: "button", className: "seat", textContent: seat.number, disabled: states[at++] !== "f" });
        button.setAttribute("aria-pressed", chosen.has(seat.seat));
        button.setAttribute("aria-label", `${section.name}, row ${row.row}, seat ${seat.number}`);
        button.onclick = () => choose(button, seat.seat);
        if (button.disabled) chosen.delete(seat.seat);
        line.append(button);
      }
      hall.append(line);
    }
  }
  const scrolled = $("hall").scrollTop;
  $("hall").replaceChildren(hall);
  $("hall").scrollTop = scrolled;
  tellChosen();
}

function choose(button, seat) {
  if (!chosen.delete(seat) && chosen.size < show.max_seats) chosen.add(seat);
  button.setAttribute("aria-pressed", chosen.has(seat));
  tellChosen();
}

function tellChosen() {
  $("chosen").textContent = chosen.size ? [...chosen].join(", ") : "Choose your seats.";
  $("hold-button").disabled = !chosen.size;
}

async function checkout() {
  clearTimeout(timer);
  clearTimeout(looking);
  const wallet = await call("GET", "/wallet");
  $("held-seats").textContent = hold.seats.join(", ");
  $("amount").textContent = money(hold.amount, hold.currency);
  $("balance").textContent = money(wallet.balance, wallet.currency);
  $("pay-button").disabled = wallet.balance < hold.amount;
  $("charge-button").hidden = wallet.balance >= hold.amount;
  countDown($("expires"), hold.expires_at, (left) => `${left} left to pay.`);
  see("checkout");
  timer = setTimeout(poll, 10000);
}

function over(status) {
  clearInterval(ticking);
  document.title = "Frontrow";
  if (!$("receipt").hidden) return;
  $("over-text").textContent = {
    finished: "You have bought, or left. Thank you for coming.",
    expired: "You were away, or inside, too long; your place is gone.",
    sold_out: status.late
      ? "Everything is sold. On the waiting list you have a place, should seats come back."
      : status.waiting_list
      ? `Everything is sold. You are number ${status.waiting_list.position} on the waiting list: come back to see whether it is your turn.`
      : "Everything is sold. Your place is kept as long as this page is open; on the waiting list it is kept without, and goes first should seats come back.",
  }[status.state];
  $("again").hidden = status.state === "sold_out";
  $("list-button").hidden = status.state !== "sold_out" || Boolean(status.waiting_list);
  see("over");
}

const act = (id, what) => { $(id).onclick = () => run($(id), what); };

async function run(button, what) {
  button.disabled = true;
  try {
    trouble();
    await what();
  } catch (error) {
    trouble(error);
    if (error.told?.code === "seats_taken") chosen = new Set([...chosen].filter((seat) => !error.told.taken.includes(seat)));
    await poll();
  } finally {
    button.disabled = false;
    tellChosen();
  }
}

// join asks for a place until there is an answer: it solves a challenge where the show
// wants one, and waits where too many come from the same network.
async function join() {
  [start, newest] = [0, ""];
  const where = `/shows/${show.show}/queue`;
  let headers = {};
  for (let tries = 0; ; tries++) {
    try {
      const status = await call("POST", where, undefined, headers);
      trouble();
      return tell(status);
    } catch (error) {
      if (error.told?.code === "sold_out") return over({ state: "sold_out", late: true });
      if (error.status === 429) await waitFor(error.after);
      else if (!error.told?.code?.startsWith("proof_") || tries > 4) throw error;
      if (error.told.challenge) headers = { "X-Frontrow-Proof": await solve(await call("GET", `${where}/challenge`)) };
    }
  }
}

async function waitFor(seconds) {
  trouble(new Error(`Many people come from your network just now. This page joins for you in ${clock(seconds)}; keep it open.`));
  await new Promise((done) => setTimeout(done, seconds * 1000));
}

// solve looks for a nonce, many at a time: one by one, most of the time goes into waiting.
async function solve({ challenge, below }) {
  if (!globalThis.crypto?.subtle) throw new Error("Joining needs a little work that browsers do on https pages alone.");
  trouble(new Error("A moment: your browser does a little work, so that machines cannot take all the places."));
  const text = new TextEncoder();
  for (let nonce = 0; ; nonce += 256) {
    const hashes = await Promise.all(Array.from({ length: 256 }, (_, i) => crypto.subtle.digest("SHA-256", text.encode(`${challenge}.${nonce + i}`))));
    const found = hashes.findIndex((hash) => new DataView(hash).getUint32(0) < below);
    if (found >= 0) return `${challenge}.${nonce + found}`;
  }
}

act("join-button", join);
act("list-button", async () => {
  clearTimeout(timer);
  tell(await call("POST", `/shows/${show.show}/queue/waiting-list`));
});
act("hold-button", async () => {
  hold = await call("POST", `/shows/${show.show}/holds`, { seats: [...chosen] });
  chosen.clear();
  await checkout();
});
act("charge-button", async () => {
  await call("POST", "/wallet/charges", { amount: Math.max(1, hold.amount) }, { "Idempotency-Key": `charge-${hold.hold}` });
  await checkout();
});
act("pay-button", async () => {
  // One key a hold: however often one clicks, there is one order.
  const order = await call("POST", "/orders", { hold: hold.hold, payment: { method: "wallet" } }, { "Idempotency-Key": `order-${hold.hold}` });
  hold = undefined;
  clearInterval(ticking);
  $("order").textContent = order.order;
  $("order").href = `/orders/${order.order}`;
  $("order-seats").textContent = order.seats.join(", ");
  $("paid").textContent = money(order.amount, order.currency);
  see("receipt");
});
act("release-button", async () => {
  await call("DELETE", `/holds/${hold.hold}`);
  hold = undefined;
  await poll();
});
for (const button of document.querySelectorAll(".leave")) {
  button.onclick = () => run(button, async () => { await call("DELETE", `/shows/${show.show}/queue`); await poll(); });
}
for (const button of document.querySelectorAll(".again")) button.onclick = () => run(button, async () => { see("join"); await join(); });

begin().catch(trouble);
