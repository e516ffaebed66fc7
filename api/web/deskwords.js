// Words and parts that the desk needs in many places.
import { $, root, say, text } from "./ui.js";

const unit = (name, digits = 0) => new Intl.NumberFormat(root.lang, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
const units = { second: unit("second"), tenth: unit("second", 1), minute: unit("minute"), hour: unit("hour", 1), day: unit("day", 1) };

// lasted writes seconds as people say them: 0.4 s, 40 s, 17 min, 2.5 h.
export function lasted(seconds) {
  if (seconds < 2) return units.tenth.format(seconds);
  if (seconds < 90) return units.second.format(Math.round(seconds));
  if (seconds < 5400) return units.minute.format(Math.round(seconds / 60));
  return seconds < 172800 ? units.hour.format(seconds / 3600) : units.day.format(seconds / 86400);
}

export const make = (tag, className = "", textContent = "") => Object.assign(document.createElement(tag), { className, textContent });

// time writes a moment of today by its clock, any other with its date.
export function time(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const element = make("time", "", date.toLocaleString(root.lang, today ? { timeStyle: "medium" } : { dateStyle: "short", timeStyle: "short" }));
  element.dateTime = at;
  return element;
}

let answer; // what waits for the dialog to be closed

// sure asks before something that many people feel; it gives true for yes. Where it is
// grave, a hasty Enter means no; where it cannot be undone, a name must be typed before.
export function sure({ title, words, yes, danger = false, grave = false, typed = "" }) {
  const dialog = $("sure");
  answer?.(!dialog.open && dialog.returnValue === "yes");
  say($("sure-title"), title);
  say($("sure-text"), words);
  say($("sure-yes"), yes);
  $("sure-yes").className = danger ? "danger" : "";
  const [box, same] = [$("sure-name"), (name) => name.normalize().trim().replace(/\s+/g, " ")];
  const check = () => ($("sure-yes").disabled = Boolean(typed) && same(box.value) !== same(typed));
  $("sure-typed").hidden = !typed;
  if (typed) say($("sure-label"), text("desk.type", { name: typed }));
  box.value = "";
  box.oninput = check;
  check();
  dialog.returnValue = "no";
  dialog.onclose = () => {
    if (dialog.open) return; // a browser that is busy tells late of the question before
    const done = answer;
    answer = undefined;
    done?.(dialog.returnValue === "yes");
  };
  if (!dialog.open) dialog.showModal();
  $(typed ? "sure-name" : grave ? "sure-no" : "sure-yes").focus();
  return new Promise((done) => (answer = done));
}

// rather gives the text of a key, or what else there is where nobody wrote one.
export function rather(key, other) {
  const found = text(key);
  return found === key ? other : found;
}
