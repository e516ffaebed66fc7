// Choosing seats: by the map, by the list, or the best there are. What is chosen and where
// one looks is kept in the tab, what is held at the gateway, so that neither a reload nor
// the back button loses anything.
import { live, more, now, timer, watch } from "./inside.js";
import { SeatList } from "./seatlist.js";
import { SeatMap } from "./seatmap.js";
import { nextBest } from "./nextbest.js";
import { $, announce, call, money, placeName, root, say, stored, text } from "./ui.js";

const id = root.dataset.show;
const kept = {
  get: (name) => stored.get(`${name}-${id}`),
  set: (name, value) => stored.set(`${name}-${id}`, value),
};

let show, layout, map, list, version, status, held, ask, offerMore;
let chosen = []; // seats, as their places in the layout
let offered = [];
let busy = false;

const time = timer(() => refresh());
const seatOf = (i) => layout && map.places.list[i];
const sectionOf = (i) => layout.sections[seatOf(i).section];
const nameOf = (i) => placeName(sectionOf(i), "name", { section: sectionOf(i).name, row: map.places.rows[seatOf(i).row].row, number: seatOf(i).number });
const names = (seats) => seats.map(nameOf).join(text("seats.between"));
const mine = () => new Set((held?.seats ?? []).map((seat) => map.index.get(seat)));
const admitted = () => status?.state === "admitted";

async function begin() {
  show = await call("GET", `/shows/${id}`);
  [layout, held] = await Promise.all([call("GET", `/shows/${id}/seats/layout?v=${show.layout_version}`), live(id).catch(() => undefined)]);
  $("plain").hidden = true;
  $("hall").hidden = false;
  map = new SeatMap($("map"), layout, { seat: choose, rests: () => kept.set("view", map.view) }, {
    stage: text("seats.stage"), soldOut: text("seats.soldout"), free: (n) => text("seats.left", { n }),
  });
  map.resize();
  const view = kept.get("view");
  if (view) map.go(view);
  list = new SeatList($("list"), map, choose);
  offerBest();
  showPrices();
  await look();
  const wanted = held?.seats ?? kept.get("chosen") ?? [];
  chosen = wanted.map((seat) => map.index.get(seat)).filter((i) => i !== undefined && (map.states[i] === 0 || mine().has(i)));
  offerMore = more(id, () => ask());
  ask = watch(id, (told) => {
    status = told;
    tell();
  });
  tell();
}

// gone are the seats chosen that are somebody else's, as far as is known here.
const gone = () => chosen.filter((i) => map.states[i] !== 0 && !mine().has(i));

// look fetches the states. A gateway has new ones each second: with what the way takes, a
// change is seen within two.
let looking;
async function look() {
  clearTimeout(looking);
  if (document.visibilityState === "visible") {
    try {
      const told = await call("GET", `/shows/${id}/seats/state`, { cache: "no-cache" });
      if (told.layout_version !== layout.layout_version) return location.reload();
      if (told.version !== version) {
        version = told.version;
        map.setStates(told.states);
        if (gone().length) {
          held = await live(id).catch(() => held); // it may be ours: held before we came back here, or in another tab
          tell();
        }
        lose(gone());
        list.update();
      }
      trouble();
    } catch (problem) {
      trouble(problem);
    }
  }
  looking = setTimeout(look, 700);
}

// refresh asks what is held, and whether we are still inside.
async function refresh() {
  try {
    held = await live(id);
  } catch (problem) {
    if (!problem.passing) held = undefined;
  }
  if (held?.state === "paying") return location.replace(`/shows/${id}/checkout`);
  await ask?.();
  tell();
}

function tell() {
  $("waiting").hidden = admitted() || Boolean(held);
  say($("waiting-text"), text(!navigator.cookieEnabled ? "problem.cookies" : status?.state === "expired" || status?.state === "finished" ? "seats.over" : "seats.notyet"));
  if (held && Date.parse(held.expires_at) <= now()) {
    held = undefined;
    notice(text("seats.holdover"));
  }
  if (held) time.until(held.expires_at, text("time.held"));
  else if (admitted() && status.admitted_until) time.until(status.admitted_until, text("time.inside"));
  else time.stop();
  offerMore?.(status, Boolean(held));
  tellChosen();
}

// entry is the place that somebody gets who taps on a free one where people stand: one of the
// lowest numbers that are free, by chance, since everybody else is after them as well.
function entry(tapped) {
  const { first, end } = map.blocks[seatOf(tapped).section];
  const lowest = [];
  for (let i = first; i < end && lowest.length < 20; i++) if ((map.states[i] === 0 || mine().has(i)) && !chosen.includes(i)) lowest.push(i);
  return lowest[Math.floor(Math.random() * lowest.length)] ?? tapped;
}

function choose(tapped) {
  const i = sectionOf(tapped).standing && !chosen.includes(tapped) ? entry(tapped) : tapped;
  if (map.states[i] !== 0 && !mine().has(i) && !chosen.includes(i)) {
    const wanted = [...chosen, i];
    offer([i], wanted.length, text(map.states[i] === 1 ? "seats.isheld" : "seats.issold", { seats: nameOf(i) }));
    return;
  }
  if (chosen.includes(i)) {
    chosen = chosen.filter((other) => other !== i);
    announce(text("seats.unchose", { seat: nameOf(i) }));
  } else if (chosen.length >= show.max_seats) {
    return notice(text("seats.most", { n: show.max_seats }));
  } else {
    chosen = [...chosen, i];
    announce(text("seats.chose", { seat: nameOf(i), n: chosen.length }));
  }
  hush();
  tellChosen();
}

// lose takes seats from the choice that are somebody else's now, and offers others.
function lose(seats) {
  if (!seats.length) return;
  const n = chosen.length;
  chosen = chosen.filter((i) => !seats.includes(i));
  tellChosen();
  offer(seats, n, text("seats.lost", { n: seats.length, seats: names(seats) }));
}

// offer tells what cannot be had, and what could be instead with one tap.
function offer(lost, n, words) {
  const found = nextBest(map, lost, Math.min(n, show.max_seats), mine());
  offered = found ?? [];
  notice(words + " " + (found ? text("seats.instead", { seats: names(found) }) : ""), found && (admitted() || held) && {
    label: text("seats.take", { n: found.length }), act: () => hold({ seats: found.map((i) => seatOf(i).seat) }),
  });
  if (found) map.lookAtSeats([...lost, ...found]);
  tellChosen();
}

function notice(words, take) {
  say($("notice-text"), words);
  $("notice").hidden = !words;
  $("notice-take").hidden = !take;
  if (!take) return;
  say($("notice-take"), take.label);
  $("notice-take").onclick = take.act;
}

function hush() {
  offered = [];
  notice("");
}

const same = () => held && held.seats.length === chosen.length && chosen.every((i) => held.seats.includes(seatOf(i).seat));

function tellChosen() {
  kept.set("chosen", chosen.map((i) => seatOf(i).seat));
  map.setMarks(chosen, offered);
  list.update();
  $("chips").hidden = !chosen.length;
  $("chosen-text").hidden = Boolean(chosen.length);
  say($("chosen-text"), text("seats.none", { n: show.max_seats }));
  const was = document.activeElement?.dataset?.chip;
  $("chips").replaceChildren(...chosen.map(chip));
  if (was) ($("chips").querySelector(`[data-chip="${was}"]`) ?? $("chips").querySelector("button") ?? $("map")).focus();
  say($("total"), chosen.length ? money(chosen.reduce((sum, i) => sum + sectionOf(i).price, 0), layout.currency) : "");
  say($("go"), same() ? text("seats.pay") : held ? text("seats.change") : text("seats.go"));
  $("go").disabled = busy || !chosen.length || !(admitted() || held);
  $("best-button").disabled = busy || !(admitted() || held);
  $("release").hidden = !held;
}

function chip(i) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip second";
  button.dataset.chip = i;
  button.textContent = nameOf(i) + " ×";
  button.setAttribute("aria-label", text("seats.remove", { seat: nameOf(i) }));
  button.onclick = () => choose(i);
  item.append(button);
  return item;
}

// hold asks for seats, or for the best, instead of what is held. Once they are ours, on to
// paying.
async function hold(wish) {
  if (busy) return;
  busy = true;
  tellChosen();
  try {
    held = held ? await call("PUT", `/holds/${held.hold}`, { body: wish }) : await call("POST", `/shows/${id}/holds`, { body: wish });
    kept.set("chosen", held.seats);
    location.assign(`/shows/${id}/checkout`);
  } catch (problem) {
    busy = false;
    await refused(problem, wish);
  }
  busy = false;
  tellChosen();
}

async function refused(problem, wish) {
  if (problem.told.taken) {
    chosen = wish.seats.map((seat) => map.index.get(seat));
    version = undefined; // what we saw is old
    return lose(problem.told.taken.map((seat) => map.index.get(seat)));
  }
  offered = [];
  notice(problem.message);
  await refresh(); // what came of it, if the answer was lost; and whether we are still inside
}

function offerBest() {
  for (let n = 1; n <= show.max_seats; n++) $("best-count").add(new Option(text("seats.count", { n }), n));
  $("best-count").value = Math.min(2, show.max_seats);
  for (const section of layout.sections) $("best-section").add(new Option(`${section.name} · ${money(section.price, layout.currency)}`, section.section));
  $("best").onsubmit = (event) => {
    event.preventDefault();
    const section = $("best-section").value;
    hold({ best: Number($("best-count").value), ...(section && { section }) });
  };
}

// showPrices lists the prices; pressing some leaves these alone in colour.
function showPrices() {
  const only = new Set();
  $("prices").replaceChildren(...map.groups.groups.map((prices, g) => {
    const button = document.createElement("button");
    const swatch = document.createElement("span");
    button.type = "button";
    button.className = "second price";
    button.setAttribute("aria-pressed", "false");
    swatch.className = `swatch price-${g + 1}`;
    const [high, low] = [prices[0], prices.at(-1)].map((price) => money(price, layout.currency));
    button.append(swatch, high === low ? high : `${low} – ${high}`);
    button.onclick = () => {
      if (!only.delete(g)) only.add(g);
      button.setAttribute("aria-pressed", only.has(g));
      map.only(new Set(only.size ? only : map.groups.groups.keys()));
      list.update();
    };
    return button;
  }));
}

function trouble(problem) {
  $("trouble").hidden = !problem;
  if (problem) say($("trouble"), problem.message);
}

$("go").onclick = () => (same() ? location.assign(`/shows/${id}/checkout`) : hold({ seats: chosen.map((i) => seatOf(i).seat) }));
$("release").onclick = async () => {
  try {
    await call("DELETE", `/holds/${held.hold}`);
    [held, chosen] = [undefined, []];
    announce(text("seats.released"));
    hush();
  } catch (problem) {
    notice(problem.message);
  }
  await refresh();
};
$("notice-close").onclick = () => {
  hush();
  tellChosen();
  $("map").focus({ preventScroll: true });
};
$("zoom-in").onclick = () => map.zoom(1.6);
$("zoom-out").onclick = () => map.zoom(1 / 1.6);
$("zoom-all").onclick = () => map.glide(map.bounds);
addEventListener("pagehide", () => map && kept.set("view", map.view));
addEventListener("pageshow", (event) => event.persisted && refresh());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && map && look());

begin().catch(trouble);
