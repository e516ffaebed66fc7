// What follows the waiting room in one plain page: choose, hold, pay. It keeps nothing but the cookies,
// so a reload, or a browser that was closed, picks up where it was.
const $ = (id) => document.getElementById(id);
const money = (amount, currency) => new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.max(0, Math.floor(seconds % 60))).padStart(2, "0")}`;

let show, layout, hold, chosen = new Set(), timer, ticking, newest = "";

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
  show = await call("GET", `/shows/${location.pathname.split("/")[2]}`);
  $("title").textContent = show.title;
  $("venue").textContent = show.venue;
  await poll();
}

async function poll() {
  clearTimeout(timer);
  try {
    tell(await call("GET", `/shows/${show.show}/queue`));
    trouble();
  } catch (error) {
    if ([401, 404, 410].includes(error.status)) return toWaitingRoom();
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
  if (status.poll_after_ms) timer = setTimeout(poll, status.poll_after_ms);
  if (status.state === "admitted") return admitted(status);
  if ($("receipt").hidden) toWaitingRoom();
}

// Whose turn it is not waits elsewhere.
const toWaitingRoom = () => location.replace(`/shows/${show.show}`);

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

begin().catch(trouble);
