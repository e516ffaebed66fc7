// Paying for what is held: one order, however often one clicks, reloads or goes back. The
// attempt that is under way is kept in the tab with its key until its outcome is known.
import { live, more, now, timer, watch } from "./inside.js";
import { $, announce, backOff, call, has, moment, money, placeName, root, say, stored, text } from "./ui.js";

const id = root.dataset.show;
const steps = ["plain", "paying", "pending", "receipt", "nothing"];

let show, places, hold, wallet, status, busy = false;

const time = timer(() => begin().catch(trouble));

// attempt is the try to pay for a hold that has no outcome yet: {key, payment}.
const attempt = {
  get: () => stored.get(`pay-${hold.hold}`),
  set: (value) => stored.set(`pay-${hold.hold}`, value),
  end: () => stored.remove(`pay-${hold.hold}`),
};

function see(step) {
  for (const other of steps) $(other).hidden = other !== step;
}

async function begin() {
  show ??= await call("GET", `/shows/${id}`);
  const asked = new URLSearchParams(location.search).get("order");
  if (asked) return follow(await call("GET", `/orders/${asked}`));
  hold = await live(id);
  if (!hold) return nothing();
  if (hold.state === "paying") return underWay();
  await seats();
  await ways();
  see("paying");
  if (attempt.get()) await pay(attempt.get()); // what became of it?
}

// underWay finds the order of a hold that is being paid, whoever of our tabs pays it.
async function underWay() {
  const { orders } = await call("GET", "/orders");
  const order = orders.find((o) => o.hold === hold.hold && o.state !== "declined");
  return order ? follow(order) : nothing();
}

// learnPlaces learns where the seats of the show are, once for all who want to know.
let learning;
const learnPlaces = () => (learning ??= readPlaces().catch((problem) => {
  learning = undefined;
  throw problem;
}));

async function readPlaces() {
  const layout = await call("GET", `/shows/${id}/seats/layout?v=${show.layout_version}`);
  places = new Map(layout.sections.flatMap((s) => s.rows.flatMap((r) => r.seats.map((seat) => [seat.seat, { section: s.name, standing: s.standing, price: s.price, row: r.row, number: seat.number }]))));
}

// names says where seats are, as the tickets do; by their ids where the layout does not come.
async function names(list) {
  await learnPlaces().catch(trouble);
  return list.map((seat) => (places?.has(seat) ? placeName(places.get(seat), "name", places.get(seat)) : seat)).join(text("seats.between"));
}

async function seats() {
  await learnPlaces();
  $("lines").replaceChildren(...hold.seats.map((seat) => line(placeName(places.get(seat), "name", places.get(seat)), money(places.get(seat).price, hold.currency))));
  say($("total"), money(hold.amount, hold.currency));
  time.until(hold.expires_at, text("time.held"));
  offerMore(status, true); // the status may have been here before
}

function line(...parts) {
  const item = document.createElement("li");
  item.append(...parts.map((part) => {
    if (part instanceof Node) return part;
    const span = document.createElement("span");
    span.textContent = part;
    return span;
  }));
  return item;
}

const method = () => document.querySelector("[name=method]:checked")?.value;

async function ways() {
  wallet = await call("GET", "/wallet");
  const cards = show.payment_methods.includes("card");
  const known = show.demo?.cards ?? [];
  $("way-card").hidden = !cards;
  if (!$("demo-cards").length) {
    // The one that works comes first.
    for (const card of [...known].sort((a, b) => (b === "card_ok") - (a === "card_ok"))) $("demo-cards").add(new Option(has(`card.${card}`) ? text(`card.${card}`) : card, card));
  }
  if (!method()) document.querySelector(`[name=method][value=${cards && wallet.balance < hold.amount ? "card" : "wallet"}]`).checked = true;
  tellWays();
}

function tellWays() {
  const [by, known] = [method(), show.demo?.cards?.length];
  const short = wallet.balance < hold.amount;
  say($("balance"), money(wallet.balance, wallet.currency));
  $("wallet-detail").hidden = by !== "wallet" || !short;
  say($("short"), text("pay.short", { amount: money(hold.amount - wallet.balance, wallet.currency) }));
  $("charge").hidden = !show.demo?.charges;
  $("card-demo").hidden = by !== "card" || !known;
  $("card-token").hidden = by !== "card" || Boolean(known);
  $("token").required = !$("card-token").hidden;
  say($("pay-button"), busy ? text("pay.busy") : text("pay.button", { amount: money(hold.amount, hold.currency) }));
  $("pay-button").disabled = busy || (by === "wallet" && short);
  $("release").disabled = busy;
}

const wish = () => (method() === "card" ? { method: "card", card: show.demo?.cards?.length ? $("demo-cards").value : $("token").value.trim() } : { method: "wallet" });

// pay makes one attempt. Its key stays the same until it has an outcome, so that asking
// again, after whatever happened on the way, never pays twice.
async function pay({ key, payment }) {
  if (busy) return;
  busy = true;
  attempt.set({ key, payment });
  $("declined").hidden = true;
  tellWays();
  for (let failed = 0; ; failed++) {
    try {
      const order = await call("POST", "/orders", { body: { hold: hold.hold, payment }, headers: { "Idempotency-Key": key }, within: 30000 });
      trouble();
      busy = false;
      return follow(order);
    } catch (problem) {
      if (problem.passing && Date.parse(hold.expires_at) > now()) {
        trouble(problem);
        await new Promise((done) => setTimeout(done, problem.after || backOff(failed)));
        continue;
      }
      busy = false;
      return refused(problem);
    }
  }
}

// refused is an outcome: the next click is another attempt.
async function refused(problem) {
  attempt.end();
  trouble();
  if (problem.code === "already_paid" || problem.code === "payment_under_way") return underWay();
  const still = await live(id);
  if (!still) return underWay();
  hold = still;
  await ways();
  time.until(hold.expires_at, text("time.held")); // a decline may leave some time more
  $("declined").hidden = false;
  say($("declined"), problem.message);
  $("declined").scrollIntoView({ block: "nearest" });
}

// follow shows an order, and asks on while its payment has no outcome.
async function follow(order) {
  if (!new URLSearchParams(location.search).has("order")) history.replaceState(null, "", `?order=${order.order}`);
  for (let failed = 0; order.state === "pending"; ) {
    time.stop();
    see("pending");
    await new Promise((done) => setTimeout(done, failed ? backOff(failed) : 1000));
    try {
      order = await call("GET", `/orders/${order.order}`);
      failed = 0;
      trouble();
    } catch (problem) {
      if (!problem.passing) throw problem;
      trouble(problem);
      failed++;
    }
  }
  hold = { hold: order.hold };
  attempt.end();
  stored.remove(`chosen-${id}`);
  if (order.state !== "declined") return receipt(order);
  history.replaceState(null, "", location.pathname);
  await begin();
  if (!hold?.seats) return;
  $("declined").hidden = false;
  say($("declined"), text("problem.payment_declined"));
}

async function receipt(order) {
  time.stop();
  const where = await names(order.seats);
  const paid = order.state === "paid";
  say($("heading"), text(paid ? "receipt.heading" : "receipt.undone"));
  say($("receipt-title"), text(`receipt.${order.state}`));
  say($("receipt-text"), text(`receipt.${order.state}.text`));
  $("tick").toggleAttribute("hidden", !paid);
  say($("receipt-seats"), where);
  say($("receipt-amount"), money(order.amount, order.currency));
  say($("receipt-when"), moment(order.paid_at ?? order.created_at));
  say($("receipt-order"), order.order);
  $("receipt-tickets").hidden = !paid;
  $("receipt-tickets").href = `/orders/${order.order}/ticket`;
  $("receipt-way").href = `/orders/${order.order}`;
  $("cancel").hidden = !paid || !show.cancel_until || Date.parse(show.cancel_until) <= now();
  $("cancel").onclick = () => cancel(order);
  see("receipt");
  $("receipt-title").focus({ preventScroll: true });
}

function cancel(order) {
  $("sure").returnValue = "";
  $("sure").showModal();
  $("sure").onclose = async () => {
    if ($("sure").returnValue !== "yes") return;
    try {
      await receipt(await call("POST", `/orders/${order.order}/cancel`));
      trouble();
    } catch (problem) {
      trouble(problem);
    }
  };
}

// nothing is held: what was bought earlier is shown.
async function nothing() {
  time.stop();
  hold = undefined;
  const { orders } = await call("GET", "/orders").catch(() => ({ orders: [] }));
  const bought = orders.filter((o) => o.show === id && o.state !== "declined");
  $("earlier").replaceChildren(...await Promise.all(bought.map(async (o) => {
    const link = document.createElement("a");
    link.href = `?order=${o.order}`;
    link.textContent = await names(o.seats);
    return line(link, money(o.amount, o.currency));
  })));
  see("nothing");
}

function trouble(problem) {
  $("trouble").hidden = !problem;
  if (problem) say($("trouble"), problem.message);
}

$("pay").onsubmit = (event) => {
  event.preventDefault();
  const key = `${hold.hold}-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  pay(attempt.get() ?? { key, payment: wish() }).catch(trouble);
};
for (const input of document.querySelectorAll("[name=method]")) input.onchange = tellWays;
$("charge").onclick = async () => {
  $("charge").disabled = true;
  try {
    // One key for what is missing: a second click charges nothing more.
    const missing = hold.amount - wallet.balance;
    await call("POST", "/wallet/charges", { body: { amount: missing }, headers: { "Idempotency-Key": `charge-${hold.hold}-${missing}` } });
    trouble();
    await ways();
    announce(text("pay.charged"));
  } catch (problem) {
    trouble(problem);
  }
  $("charge").disabled = false;
};
$("release").onclick = async () => {
  try {
    await call("DELETE", `/holds/${hold.hold}`);
    stored.remove(`chosen-${id}`);
    location.assign(`/shows/${id}/seats`);
  } catch (problem) {
    trouble(problem);
  }
};
addEventListener("pageshow", (event) => event.persisted && !busy && begin().catch(trouble));

const offerMore = more(id, () => ask());
// Watching keeps us inside, and the pass fresh.
const ask = watch(id, (told) => {
  status = told;
  offerMore(status, Boolean(hold));
});
begin().catch(trouble);
