// The widget: how the visitor's place stands, or how many wait. Together with the waiting rooms
// of the same browser it is one visitor, as far as the browser lets a frame know.
import { $, backOff, call, number, Problem, range, root, say, text } from "./ui.js";
import { share } from "./tabs.js";

const { show } = root.dataset;
const every = 15000; // between two looks at the board, for whoever has no place
let state = root.dataset.state, newest = 0, failures = 0, timer;

const placed = () => ["lobby", "waiting", "admitted", "sold_out"].includes(state);

function see(next, words = text(`widget.${next}`)) {
  root.dataset.state = state = next;
  $("waiting").hidden = next !== "waiting";
  say($("words"), words);
  say($("open"), text(next === "admitted" ? "turn.go" : "widget.open"));
}

// tell shows a status; one that is older than the last is not shown.
function tell(status) {
  const asOf = Date.parse(status.as_of);
  if (asOf < newest) return;
  newest = asOf;
  see(status.state);
  if (status.state !== "waiting") return;
  say($("position"), number(status.position));
  say($("eta"), range(status.eta));
}

// ask polls for whoever has a place, which keeps it; else it looks at the board.
async function ask() {
  clearTimeout(timer);
  if (!tabs.leads()) return;
  let after = every;
  try {
    if (placed()) {
      const status = await call("GET", `/shows/${show}/queue`);
      tell(status);
      tabs.tell({ status });
      after = status.poll_after_ms ?? every;
    } else {
      const { waiting } = await call("GET", `/shows/${show}/board`);
      see("joins", text("widget.people", { n: waiting }));
    }
    failures = 0;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.passing) see(error.code === "place_moved" ? "elsewhere" : "joins", "");
    after = error.passing ? error.after || backOff(failures++) : 0;
  }
  timer = setTimeout(ask, after);
}

const tabs = share(`frontrow:${show}`, {
  lead: () => (placed() ? ask() : (tabs.tell({ ask: true }), (timer = setTimeout(ask, every)))),
  heard({ status, gone, another }) {
    if (another) location.reload();
    if (status) tell(status);
    if (gone) see(gone, "");
  },
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  tabs.lead();
  ask();
});
