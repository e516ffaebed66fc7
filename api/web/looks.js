// The theme of a show at the desk: what visitors see, and the draft as only its preview shows it.
import { $, call, say, text } from "./ui.js";
import { make, sure } from "./deskwords.js";

const views = ["joins", "waiting", "admitted"]; // those that a preview has

// looks asks how a show looks, and says so. The desk's levers send what changes it.
export async function looks(levers, id) {
  const { live, draft, preview } = await call("GET", `${levers.path}/theme`);
  say($("theme-told"), text(draft ? "desk.theme.draft" : live ? "desk.theme.live" : "desk.theme.none", { name: (draft ?? live)?.name || "Frontrow" }));
  const links = [];
  if (preview) links.push(...views.map((view) => link(`${preview}&state=${view}`, text(`desk.theme.${view}`))));
  else if (levers.show.phase !== "draft") links.push(link(`/shows/${encodeURIComponent(id)}`, text("desk.theme.page")));
  if (draft) links.push(publish(levers, id));
  $("theme-views").replaceChildren(...links.map((part) => {
    const item = make("li");
    item.append(part);
    return item;
  }));
}

const link = (href, words) => Object.assign(make("a", "", words), { href, target: "_blank", rel: "noopener" });

function publish(levers, id) {
  const button = make("button", "second", text("desk.theme.publish"));
  button.type = "button";
  button.onclick = async () => {
    const yes = await sure({ title: text("desk.theme.publish.title"), words: text("desk.theme.publish.text"), yes: text("desk.theme.publish") });
    if (yes) await levers.press(button, () => levers.send("POST", "/theme/publish"));
    await looks(levers, id);
  };
  return button;
}
