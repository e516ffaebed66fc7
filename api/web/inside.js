// Being inside: the admission is kept up by polling, and the clock of what runs out is
// shown and told. Seat map and checkout share it.
import { $, announce, backOff, call, clock, say, text } from "./ui.js";

let ahead = -Infinity; // how much the gateway's clock is ahead of ours, in milliseconds

// now is the time by the gateway's clock, as good as is known.
export const now = () => Date.now() + (ahead === -Infinity ? 0 : ahead);

// watch polls the place in a show's queue for as long as the page is open, and gives each
// status to `tell`; undefined: no place. It returns a function that asks at once.
export function watch(show, tell) {
  let timer, failed = 0, asking;
  const ask = async () => {
    clearTimeout(timer);
    let after = 5000;
    try {
      const status = await call("GET", `/shows/${show}/queue`);
      failed = 0;
      ahead = Math.max(ahead, Date.parse(status.as_of) - Date.now());
      after = status.poll_after_ms ?? 15000;
      tell(status);
    } catch (problem) {
      after = problem.after || backOff(++failed);
      if (!problem.passing) tell(undefined);
    }
    timer = setTimeout(once, after);
  };
  const once = () => (asking ??= ask().finally(() => (asking = undefined)));
  const back = () => document.visibilityState === "visible" && once();
  document.addEventListener("visibilitychange", back);
  addEventListener("pageshow", back);
  addEventListener("online", back);
  once();
  return once;
}

// marks are when the time left is told, in seconds.
const marks = [120, 30];

// timer shows the time until a moment in #clock, tells it at the marks, and calls `over`
// at the end. It returns {until(time, label), stop()}.
export function timer(over) {
  let end, told = new Set(), ticking;
  const tick = () => {
    const left = end - now();
    say($("clock"), clock(left));
    $("time").classList.toggle("soon", left < marks[0] * 1000);
    $("time").classList.toggle("last", left < marks[1] * 1000);
    for (const mark of marks) {
      if (left > mark * 1000) told.delete(mark);
      else if (!told.has(mark)) {
        marks.filter((m) => m >= mark).forEach((m) => told.add(m));
        if (left > 0) announce(text("time.left", { time: clock(left) }));
      }
    }
    if (left > 0) return;
    stop();
    over();
  };
  const stop = () => {
    clearInterval(ticking);
    $("time").hidden = true;
    end = undefined;
  };
  return {
    stop,
    until(time, label) {
      const next = Date.parse(time);
      say($("time-label"), label);
      if (next === end) return;
      clearInterval(ticking);
      end = next;
      $("time").hidden = false;
      ticking = setInterval(tick, 250);
      tick();
    },
  };
}

// more offers more time inside, in #more, once what is left is nearly over. It returns what takes
// each status, and whether seats are held: their time stays as it is. ask() asks for the next status at once.
export function more(show, ask) {
  let due;
  $("more-button").onclick = async () => {
    $("more-button").disabled = true;
    try {
      await call("POST", `/shows/${show}/queue/prolong`);
      $("more").hidden = true;
      $("heading").focus({ preventScroll: true });
      announce(text("turn.more.done"));
    } catch (problem) {
      say($("more-text"), problem.message);
    }
    $("more-button").disabled = false;
    await ask();
  };
  return (status, held) => {
    clearTimeout(due);
    if (status?.state !== "admitted" || !status.prolong_seconds) return ($("more").hidden = true);
    const time = clock(status.prolong_seconds * 1000);
    const offer = () => {
      $("more").hidden = false;
      say($("more-text"), `${text("more.soon")} ${text(held ? "more.held" : "turn.more.text", { time })}`);
    };
    const soon = Date.parse(status.admitted_until) - now() - marks[0] * 1000;
    $("more").hidden = soon > 0;
    due = setTimeout(offer, Math.max(0, soon));
  };
}

// live finds the visitor's hold of a show that still stands, or undefined.
export async function live(show) {
  const { holds } = await call("GET", "/holds");
  return holds.find((h) => h.show === show && (h.state === "paying" || (h.state === "held" && Date.parse(h.expires_at) > now())));
}
