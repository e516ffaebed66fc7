// Dead letters: events that a listener gave up on, to be sent again.
import { $, call, text } from "./ui.js";
import { make, sure, time } from "./deskwords.js";

// letters keeps the list of them, of all shows; again() is called once one was sent.
export function letters(list, again) {
  const own = { count: 0, know };
  let seen;

  // know takes the listeners as the gateway tells them, and looks where something is new.
  async function know(listeners) {
    own.count = listeners.reduce((sum, l) => sum + l.dead, 0);
    const stamp = listeners.map((l) => `${l.listener}:${l.dead}`).join();
    if (stamp === seen) return;
    seen = stamp;
    const { dead_letters: all } = own.count ? await call("GET", `/admin/dead-letters?limit=50`) : { dead_letters: [] };
    $("no-letters").hidden = all.length > 0;
    list.replaceChildren(...all.map(item));
    $("letters-all").replaceChildren(...listeners.filter((l) => l.dead > 1).map(everything));
  }

  // everything is the button for all of a listener's.
  function everything({ listener, dead }) {
    const button = make("button", "second", text("desk.letters.all", { n: dead, listener }));
    button.type = "button";
    button.onclick = () => redrive(button, listener, text("desk.letters.all", { n: dead, listener }), "/admin/dead-letters/redrive", { listener });
    return button;
  }

  function item(letter) {
    const line = make("li");
    const head = make("p");
    head.append(make("strong", "", letter.listener), ` ${letter.type} ${letter.show} `, make("code", "", letter.subject), " ", time(letter.dead_at));
    const button = make("button", "second", text("desk.letters.again"));
    button.type = "button";
    button.onclick = () => redrive(button, letter.listener, text("desk.letters.again"), `/admin/dead-letters/${letter.event}/${letter.listener}/redrive`);
    line.append(head, make("p", "small quiet", text("desk.letters.tries", { n: letter.tries, error: letter.error })), button);
    return line;
  }

  async function redrive(button, listener, title, path, body) {
    const yes = await sure({ title, words: text("desk.letters.sure", { listener }), yes: text("desk.letters.again") });
    if (!yes) return;
    button.disabled = true;
    try {
      await call("POST", path, { body });
    } catch (problem) {
      if (problem.status !== 404) button.disabled = false; // else another desk was faster
    }
    seen = undefined;
    again();
  }

  return own;
}
