// The hall as it is now, to look at: the map of the visitors, with nothing to choose.
import { SeatMap } from "./seatmap.js";
import { $, call, say, text } from "./ui.js";

export function seating(id, details) {
  let map, layout, timer, version;

  async function look() {
    clearTimeout(timer);
    if (!details.open) return;
    try {
      if (!map) await begin();
      const told = await call("GET", `/shows/${id}/seats/state`);
      if (told.layout_version !== layout.layout_version) map = undefined;
      else if (told.version !== version) {
        version = told.version;
        map.setStates(told.states);
      }
      say($("seating-told"), "");
    } catch (problem) {
      say($("seating-told"), problem.status === 404 ? text("desk.seating.draft") : problem.message);
    }
    timer = setTimeout(look, 2000);
  }

  async function begin() {
    layout = await call("GET", `/shows/${id}/seats/layout`);
    $("plan").hidden = false;
    version = undefined;
    map = new SeatMap($("map"), layout, { seat() {} }, { stage: text("seats.stage"), soldOut: text("seats.soldout"), free: (n) => text("seats.left", { n }) });
    map.resize();
  }

  details.addEventListener("toggle", look);
}
