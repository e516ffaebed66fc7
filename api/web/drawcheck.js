// The check of a draw in the browser of somebody who was in it: from what is public alone
// (docs/draw.md), and with the browser's own SHA-256.
import { call } from "./ui.js";

const bytes = new TextEncoder();
const hex = (hash) => Array.from(new Uint8Array(hash), (b) => b.toString(16).padStart(2, "0")).join("");
const sha256 = async (words) => hex(await crypto.subtle.digest("SHA-256", bytes.encode(words)));
const part = 100000;

async function everybody(show, count) {
  const all = [];
  while (all.length < count) {
    const answer = await fetch(`/v1/shows/${show}/draw/list?from=${all.length}&count=${part}`);
    if (!answer.ok) throw new Error(`no list: ${answer.status}`);
    const lines = (await answer.text()).split("\n").filter(Boolean);
    if (!lines.length) break;
    all.push(...lines);
  }
  return all;
}

// check says what is wrong ("seed", "list", "order", "number"), or "right" with the visitor's
// rank, or "late" for who was not in the draw. `number` is the one that the visitor has, and
// `commitment` the one that they saw before the draw.
export async function check(show, visitor, number, commitment) {
  const draw = await call("GET", `/shows/${show}/draw`);
  if (draw.state !== "drawn") return { found: "early" };
  if ((await sha256(draw.seed)) !== draw.commitment || (commitment && commitment !== draw.commitment)) return { found: "seed" };
  const list = await everybody(show, draw.lobby_count);
  const sorted = [...list].sort((a, b) => (a < b ? -1 : 1)).map((v) => v + "\n").join("");
  if (list.length !== draw.lobby_count || (await sha256(sorted)) !== draw.lobby_hash) return { found: "list" };
  let last = "";
  for (let at = 0; at < list.length; at += 1000) {
    const hashes = await Promise.all(list.slice(at, at + 1000).map((v) => sha256(draw.seed + (draw.beacon ?? "") + v)));
    for (const hash of hashes) {
      if (hash < last) return { found: "order" };
      last = hash;
    }
  }
  const rank = list.indexOf(visitor);
  if (rank < 0 || number >= draw.first_number + list.length) return { found: "late" };
  return { found: number === draw.first_number + rank ? "right" : "number", n: rank + 1, of: list.length };
}
