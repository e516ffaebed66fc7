// What the operator changes: the rate and the cap, the valve, the message and the phase.
// Nothing of another desk is overwritten unseen: a change names the version that it was
// made from, and where somebody was faster both are shown.
import { ceiling } from "./chart.js";
import { emptying } from "./foretell.js";
import { $, call, hour, number, say, text } from "./ui.js";
import { lasted, make, sure } from "./deskwords.js";

const fields = { admit: "admit", cap: "max_active", interval: "interval_ms" };
const steep = 4; // times as much as now: to be confirmed

export class Levers {
  // changed() is called once a change is in force.
  constructor(path, changed) {
    Object.assign(this, { path, changed });
    this.own = new Set(); // the ids of this desk's own requests
    this.typed = {}; // what the operator has set and not put in force: field → value
    this.listen();
  }

  listen() {
    for (const [name, field] of Object.entries(fields)) {
      const [box, slide] = [$(name), $(`${name}-slide`)];
      box.oninput = () => this.type(field, box);
      if (!slide) continue;
      slide.oninput = () => {
        box.value = slide.value;
        this.type(field, box);
      };
    }
    $("undo").onclick = () => this.reset();
    $("clash-theirs").onclick = () => this.reset();
    $("clash-mine").onclick = () => {
      this.base = this.show;
      this.tell();
      $("apply").focus();
    };
    $("admission").onsubmit = (event) => {
      event.preventDefault();
      this.apply();
    };
    $("pause").onclick = () => this.valve("pause");
    $("resume").onclick = () => this.valve("resume");
    $("words").oninput = () => this.write();
    $("saying").onsubmit = (event) => {
      event.preventDefault();
      this.speak($("words").value.trim());
    };
    $("hush").onclick = () => this.speak("");
    $("reset").onclick = () => this.startAnew();
  }

  // know takes the show as it is in the database, after the changes of news.
  know(show, news) {
    const before = this.show;
    this.show = show;
    if (!this.dirty()) this.base = show;
    const theirs = news.filter((entry) => !this.own.has(entry.request_id)).at(-1);
    if (theirs) this.other = theirs.operator;
    if (!before || before.message !== show.message) {
      if (!this.writing) $("words").value = show.message;
      this.write();
    }
    this.tell();
    this.tellPhases();
  }

  // see takes the figures, from which the effect is foretold.
  see(stats) {
    this.stats = stats;
    this.tell();
  }

  dirty() { return Object.keys(this.typed).length > 0; }

  type(field, box) {
    const value = box.valueAsNumber;
    if (value === this.base?.admission[field]) delete this.typed[field];
    else this.typed[field] = value;
    if (!this.dirty()) this.base = this.show;
    this.tell();
  }

  reset() {
    this.typed = {};
    this.base = this.show;
    this.tell();
    $("admit").focus();
  }

  wanted(field) { return this.typed[field] ?? this.show.admission[field]; }

  // clashes are the fields that somebody else has set while the operator did.
  clashes() {
    return Object.values(fields).filter((field) => field in this.typed && this.show.admission[field] !== this.base.admission[field] && this.show.admission[field] !== this.typed[field]);
  }

  tell() {
    const { show } = this;
    if (!show) return;
    for (const [name, field] of Object.entries(fields)) {
      const [box, slide] = [$(name), $(`${name}-slide`)];
      if (!(field in this.typed)) box.value = show.admission[field];
      if (!slide) continue;
      if (!(field in this.typed)) slide.max = Math.max(20, ceiling(2 * show.admission[field]));
      if (Number.isFinite(this.wanted(field))) slide.value = this.wanted(field);
    }
    const interval = this.wanted("interval_ms") || show.admission.interval_ms;
    say($("admit-unit"), text("desk.admit.unit", { time: lasted(interval / 1000), n: Math.round((this.wanted("admit") * 60000) / interval) || 0 }));
    say($("cap-unit"), this.stats ? text("desk.cap.unit", { n: this.stats.active }) : "");
    say($("foretold"), this.foretold());
    $("apply").disabled = $("undo").disabled = !this.dirty();
    this.tellClash();
    this.tellValve();
  }

  tellClash() {
    const [field] = this.clashes();
    $("clash").hidden = !field;
    if (!field) return;
    $("apply").disabled = true;
    const values = { who: this.other ?? text("desk.somebody"), field: text(`desk.field.admission.${field}`), theirs: this.show.admission[field], mine: this.typed[field] };
    say($("clash-text"), text("desk.clash", values));
    say($("clash-theirs"), text("desk.clash.theirs", values));
    say($("clash-mine"), text("desk.clash.mine", values));
  }

  tellValve() {
    const { admission, phase } = this.show;
    const open = phase === "open" || phase === "lobby";
    $("pause").hidden = admission.paused || !open;
    $("resume").hidden = !admission.paused;
    $("valve").classList.toggle("stopped", admission.paused);
    const perMinute = Math.round((admission.admit * 60000) / admission.interval_ms);
    let words = text(`desk.flow.${phase}`);
    if (admission.paused) words = text("desk.flow.paused");
    else if (phase === "open" && this.stats?.recovering) words = text("desk.flow.recovering");
    else if (phase === "open" && this.stats?.sold_out) words = text("desk.flow.soldout");
    else if (phase === "open") words = text("desk.flow.open", { n: perMinute, most: admission.max_active });
    say($("flow"), words);
    say($("phase"), text(`desk.phase.${phase}`));
  }

  // foretold says what the rule on the levers would do.
  foretold() {
    const { stats, show } = this;
    if (!stats) return "";
    const rule = { admit: this.wanted("admit"), cap: this.wanted("max_active"), interval: this.wanted("interval_ms") };
    if (Object.values(rule).some(Number.isNaN)) return text("desk.foretold.number");
    if (!stats.waiting) return text("desk.foretold.nobody");
    const { seconds, perMinute, bound, sure: known } = emptying({ waiting: stats.waiting, active: stats.active, stay: stats.stay_seconds, ...rule });
    if (bound === "shut") return text("desk.foretold.shut");
    const values = { n: stats.waiting, time: lasted(seconds), clock: hour(Date.now() + seconds * 1000), rate: Math.round(perMinute), stay: known ? lasted(stats.stay_seconds) : "" };
    const parts = [text(known ? "desk.foretold.empty" : "desk.foretold.atleast", values)];
    if (bound === "cap") parts.push(text("desk.foretold.cap", values));
    if (!known) parts.push(text("desk.foretold.unsure"));
    if (show.admission.paused) parts.unshift(text("desk.foretold.paused"));
    if (stats.active > rule.cap) parts.push(text("desk.foretold.full"));
    return parts.join(" ");
  }

  // send asks for a change; what it answers is told by the next look.
  async send(method, path, body, headers = {}) {
    const id = `desk-${Math.random().toString(36).slice(2)}`;
    this.own.add(id);
    return call(method, this.path + path, { body, headers: { "X-Request-Id": id, ...headers } });
  }

  async press(button, what) {
    button.disabled = true;
    try {
      await what();
    } catch (problem) {
      if (!problem.told) throw problem;
      await sure({ title: text("problem.title"), words: reasons(problem), yes: text("desk.fine") });
    } finally {
      button.disabled = false;
      await this.changed();
    }
  }

  async apply() {
    if (!this.dirty() || this.clashes().length) return;
    const change = { ...this.typed };
    const of = (field) => this.wanted(field) / Math.max(1, this.show.admission[field]);
    const times = Math.max(of("admit") / of("interval_ms"), of("max_active"));
    const none = Object.values(change).includes(0);
    if (times > steep && !(await sure({ title: text("desk.steep.title"), words: text("desk.steep", { n: Math.floor(times) }) + " " + this.foretold(), yes: text("desk.apply") }))) return;
    if (none && !(await sure({ title: text("desk.shut.title"), words: text("desk.foretold.shut"), yes: text("desk.apply"), danger: true, grave: true }))) return;
    await this.press($("apply"), () => this.put(change));
  }

  // put puts a change in force unless somebody else has changed the same since. Where they
  // changed something else, it is tried once more.
  async put(change, again = true) {
    try {
      await this.send("PATCH", "/admission", change, { "If-Match": `"${this.base.rules_version}"` });
    } catch (problem) {
      if (problem.status !== 412) throw problem;
      this.show = await call("GET", this.path);
      if (this.clashes().length || !again) return this.tell();
      this.base = this.show;
      return this.put(change, false);
    }
    this.typed = {};
    this.show = this.base = await call("GET", this.path);
    this.tell();
  }

  async valve(what) {
    const perMinute = Math.round((this.show.admission.admit * 60000) / this.show.admission.interval_ms);
    const yes = await sure({
      title: text(`desk.${what}.title`), words: text(`desk.${what}.text`, { n: perMinute, waiting: this.stats?.waiting ?? 0 }),
      yes: text(`desk.${what}`), danger: what === "pause",
    });
    if (!yes) return;
    await this.press($(what), async () => {
      this.show = await this.send("POST", `/${what}`);
      this.tell();
    });
    ($("pause").hidden ? $("resume") : $("pause")).focus();
  }

  write() {
    const words = $("words").value.trim();
    this.writing = this.show && words !== this.show.message;
    $("say").disabled = !this.writing || !words;
    $("hush").hidden = !this.show?.message;
    $("preview").hidden = !words;
    say($("preview-text"), words);
    say($("words-left"), text("desk.message.left", { n: 500 - [...words].length }));
  }

  async speak(words) {
    if (!words && !(await sure({ title: text("desk.message.clear"), words: text("desk.message.clear.text"), yes: text("desk.message.clear") }))) return;
    await this.press($("say"), async () => {
      this.show = await this.send("PUT", "/message", { text: words });
      $("words").value = this.show.message;
      this.writing = false;
    });
    this.write();
  }

  // tellPhases offers the phases that can follow.
  tellPhases() {
    const { phase, draw } = this.show;
    $("anew").hidden = phase === "draft";
    if (this.told === phase) return;
    this.told = phase;
    say($("phase-why"), text(`desk.phase.${phase}.why`));
    const next = { draft: draw ? ["lobby", "open"] : ["open"], lobby: ["open", "close"], open: ["close"], closed: ["open"] }[phase];
    $("phases").replaceChildren(...next.map((what) => {
      const button = make("button", what === "close" ? "danger" : "second", text(`desk.do.${what}`));
      button.type = "button";
      button.onclick = () => this.enter(button, what);
      return button;
    }));
  }

  async enter(button, what) {
    const yes = await sure({ title: text(`desk.do.${what}.title`), words: text(`desk.do.${what}.text`), yes: text(`desk.do.${what}`), danger: what === "close", grave: what === "close" });
    if (yes) await this.press(button, () => this.send("POST", `/${what}`));
  }

  // startAnew throws the line away, once the show's name was typed.
  async startAnew() {
    const { show, title } = this.show;
    const yes = await sure({ title: text("desk.reset.title"), words: text("desk.reset.text", { n: this.stats?.waiting ?? 0, inside: this.stats?.active ?? 0 }), yes: text("desk.reset"), danger: true, typed: title });
    if (yes) await this.press($("reset"), () => this.send("POST", "/reset", { confirm: show }));
  }
}

// reasons names the fields that cannot be as they are.
const reasons = (problem) => [problem.message, ...(problem.told.errors ?? []).map((e) => `${e.field}: ${e.reason}`)].join(" ");
