// How somebody is told that it is their turn: only by what they asked for.
import { $, say, text } from "./ui.js";

let audio;

// ring plays three rising notes; no file is loaded for it.
async function ring() {
  await audio.resume();
  [523, 659, 784].forEach((hertz, i) => {
    const [tone, volume, at] = [audio.createOscillator(), audio.createGain(), audio.currentTime + i * 0.18];
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.4);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.45);
  });
}

const pressed = (id) => $(id).getAttribute("aria-pressed") === "true";
const press = (id, on) => $(id).setAttribute("aria-pressed", on);

// offer makes the two buttons work. A browser that lacks one is not asked for it.
export function offer() {
  $("sound").hidden = !globalThis.AudioContext;
  $("notify").hidden = !globalThis.Notification;
  $("sound").onclick = async () => {
    press("sound", !pressed("sound"));
    say($("alert-told"), pressed("sound") ? text("alert.on") : "");
    if (!pressed("sound")) return;
    audio ??= new AudioContext(); // browsers allow it in answer to a click alone
    await ring();
  };
  $("notify").onclick = async () => {
    const allowed = pressed("notify") ? "off" : await Notification.requestPermission();
    press("notify", allowed === "granted");
    say($("alert-told"), allowed === "denied" ? text("alert.denied") : "");
  };
}

// turn tells it in the ways that were asked for.
export function turn(title) {
  if (pressed("sound")) {
    ring().catch(() => {});
    navigator.vibrate?.([200, 100, 200]);
  }
  if (!pressed("notify") || document.visibilityState === "visible") return;
  try {
    const note = new Notification(text("turn.title"), { body: title, tag: "frontrow-turn" });
    note.onclick = () => { window.focus(); note.close(); };
  } catch {
    // some phones show none without a worker; sound and title are left
  }
}
