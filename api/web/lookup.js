// One visitor: how it stands with them, and how it came to that.
import { call, number, text } from "./ui.js";
import { lasted, make, sure, time } from "./deskwords.js";

// asked says what was typed: a token, an order, the number of a place, or a visitor.
function asked(words) {
  if (words.startsWith("fr1.")) return { headers: { "X-Frontrow-Place": words } };
  const name = /^[0-9]+$/.test(words) ? "number" : /^[0-9A-HJKMNP-TV-Z]{26}$/.test(words) ? "order" : "visitor";
  return { query: `?${name}=${encodeURIComponent(words)}` };
}

// lookUp has the form look somebody up. What is done about them goes through the desk's levers, so that this desk is not
// told of it as of another's.
export function lookUp(levers, form, found) {
  form.onsubmit = (event) => {
    event.preventDefault();
    look();
  };

  async function look() {
    const { query = "", headers } = asked(form.elements.who.value.trim());
    try {
      tell(await call("GET", `${levers.path}/visitors${query}`, { headers }));
    } catch (problem) {
      found.replaceChildren(make("p", "note warn", problem.code === "not_found" || problem.status === 404 ? text("desk.visitor.none") : problem.message));
    }
  }

  // prefer is the button that has somebody who waits called before their turn.
  function prefer(v) {
    const button = make("button", "second", text("desk.visitor.prefer"));
    button.type = "button";
    button.onclick = async () => {
      const words = { title: text("desk.visitor.prefer.title"), words: text("desk.visitor.prefer.text"), yes: text("desk.visitor.prefer") };
      if (await sure(words)) await change("PUT", `preferred/${v.visitor}`);
    };
    return button;
  }

  // change does something about a visitor, and looks again.
  async function change(method, what) {
    try {
      await levers.send(method, `/${what}`);
    } catch (problem) {
      found.append(make("p", "note warn", problem.message));
      return;
    }
    look();
  }

  // bar is the button that puts a visitor out of the show, or lets them in again.
  function bar(v) {
    const button = make("button", v.banned ? "second" : "danger", text(v.banned ? "desk.visitor.unban" : "desk.visitor.ban"));
    button.type = "button";
    button.onclick = async () => {
      const words = { title: text("desk.visitor.ban.title"), words: text("desk.visitor.ban.text"), yes: text("desk.visitor.ban"), danger: true, grave: true };
      if (!v.banned && !(await sure(words))) return;
      await change(v.banned ? "DELETE" : "PUT", `bans/${v.visitor}`);
    };
    return button;
  }

  function tell(v) {
    const head = make("p", "lead", text(`desk.place.${v.state}`, { n: v.position ?? 0 }));
    const why = make("p", "", because(v));
    const facts = make("dl", "facts");
    for (const [name, value] of factsOf(v)) {
      const fact = make("div");
      const words = make("dd");
      words.append(value);
      fact.append(make("dt", "", text(`desk.fact.${name}`)), words);
      facts.append(fact);
    }
    const orders = make("ul", "log");
    for (const order of v.orders) orders.append(orderOf(order));
    const waits = v.present && (v.state === "waiting" || v.state === "returned");
    const levers = v.visitor ? [...(waits && !v.preferred && !v.banned ? [prefer(v)] : []), bar(v)] : [];
    const row = make("p", "row");
    row.append(...levers);
    const out = v.banned ? [make("p", "note warn", text("desk.visitor.banned"))] : [];
    found.replaceChildren(head, ...out, ...(why.textContent ? [why] : []), facts, ...(v.orders.length ? [orders] : []), ...(levers.length ? [row] : []));
  }
}

// because says in words why they stand where they do.
function because(v) {
  const parts = [];
  if (v.state === "waiting" && !v.present) parts.push(text("desk.why.absent"));
  if (v.state === "waiting" && v.came_back > 0) parts.push(text("desk.why.cameback", { n: v.came_back }));
  if (v.preferred) parts.push(text("desk.why.preferred"));
  const why = text(`desk.why.${v.state}`);
  if (why !== `desk.why.${v.state}`) parts.push(why);
  return parts.join(" ");
}

function factsOf(v) {
  const facts = [];
  if (v.visitor) facts.push(["visitor", code(v.visitor)]);
  if (v.number) facts.push(["number", number(v.number)]);
  if (v.joined_at) facts.push(["joined", time(v.joined_at)]);
  if (v.foretold) facts.push(["foretold", `${lasted(v.foretold.low_seconds)} – ${lasted(v.foretold.high_seconds)}`]);
  if (v.called_at) facts.push(["called", time(v.called_at)]);
  if (v.until) facts.push(["until", time(v.until)]);
  if (v.missed) facts.push(["missed", number(v.missed)]);
  facts.push(["asof", time(v.as_of)]);
  return facts;
}

const code = (words) => make("code", "", words);

function orderOf(order) {
  const item = make("li");
  const link = make("a", "", order.order);
  link.href = `/orders/${order.order}?admin`;
  item.append(link, ` ${order.state} · ${order.seats.join(", ")} `, time(order.created_at));
  return item;
}
