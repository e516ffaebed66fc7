// The code with which another device takes the place over.
import { $, call, clock, say, text } from "./ui.js";

let until = 0, ticking;

// offered tells whether a code is good that was given here.
export const offered = () => Date.now() < until;

// offer gets a code and shows it, with how long it is good.
export async function offer(where) {
  const { code, expires_at } = await call("POST", `${where}/move`);
  until = Math.min(Date.parse(expires_at), Date.now() + 5 * 60000); // this clock may be behind
  $("offered").hidden = false;
  say($("code"), `${code.slice(0, 4)} ${code.slice(4)}`);
  clearInterval(ticking);
  ticking = setInterval(tick, 1000);
  tick();
}

function tick() {
  if (offered()) {
    say($("code-left"), text("move.left", { time: clock(until - Date.now()) }));
    return;
  }
  clearInterval(ticking);
  say($("code"), "");
  say($("code-left"), text("move.over"));
}
