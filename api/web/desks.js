// The list of the desk: the figures of every show, renewed.
import { $, call, learn, lang, local, number, say, text } from "./ui.js";

await learn(`desk.${lang}`);

const every = 3000; // milliseconds between two rounds

async function look() {
  try {
    const { shows } = await call("GET", "/admin/shows");
    for (const show of shows) {
      const card = $(`show-${show.show}`);
      if (!card) return location.reload(); // a new one
      if (show.phase !== "draft") await tell(card, show);
    }
  } catch (problem) {
    if (problem.status === 401) return location.reload();
  }
  setTimeout(look, every);
}

async function tell(card, show) {
  const stats = await call("GET", `/admin/shows/${show.show}/stats`);
  say(card.querySelector(".phase"), text(`desk.phase.${stats.phase}`));
  card.querySelector(".stopped").hidden = !stats.paused;
  card.querySelector(".facts").hidden = false;
  say(card.querySelector(".waiting"), number(stats.waiting));
  say(card.querySelector(".inside"), text("desk.of", { now: stats.active, most: stats.max_active }));
}

local();
setTimeout(look, every);
