// Seats that are not for sale: taken out by the operator, and put back.
import { $, call, say, text } from "./ui.js";
import { sure } from "./deskwords.js";

// keeping has the form do as it is told, through the desk's levers, and gives what tells how
// many seats are kept.
export function keeping(levers) {
  const box = $("keep-which");
  const states = ["house", "blocked", "free"];
  const named = () => box.value.split(/[\s,]+/).filter(Boolean);

  // asks are the requests that bring what was typed, ids of seats or one section, into a state.
  function asks(state) {
    const seats = named();
    const section = seats.length === 1 && levers.show.prices.some((p) => p.section === seats[0]) ? seats[0] : undefined;
    if (!section) return [{ seats, state }];
    return (state === "free" ? ["house", "blocked"] : ["free"]).map((was) => ({ was, section, state }));
  }

  async function send(bodies) {
    for (const body of bodies) await levers.send("POST", "/seats", body);
    box.value = "";
    check();
  }

  function check() {
    for (const state of states) $(`keep-${state}`).disabled = !named().length;
  }

  for (const state of states) $(`keep-${state}`).onclick = () => levers.press($(`keep-${state}`), () => send(asks(state))).then(check);
  $("keeping").onsubmit = (event) => event.preventDefault();
  $("keep-release").onclick = async () => {
    const yes = await sure({ title: text("desk.keep.release"), words: text("desk.keep.release.text"), yes: text("desk.keep.release") });
    if (yes) await levers.press($("keep-release"), () => send([{ was: "house", state: "free" }]));
  };
  box.oninput = check;
  check();

  return async () => {
    const { house, blocked } = await call("GET", `${levers.path}/seats`);
    say($("keep-told"), text("desk.keep.told", { house: house.length, blocked: blocked.length }));
    $("keep-release").hidden = !house.length;
  };
}
