// Checks Frontrow passes in a shop, with Node's own cryptography (Node 18 or later):
//   node pass.mjs JWKS-URL SHOW < passes
// It answers each line with the visitor, or with "refused" and why.
import { createPublicKey, verify } from "node:crypto";
import { createInterface } from "node:readline";

// fetchKeys reads the public keys by their id. Keep them for some minutes, and fetch them
// again for an id that is not among them.
export async function fetchKeys(url) {
  const { keys } = await (await fetch(url)).json();
  return new Map(keys.filter((k) => k.kty === "OKP" && k.crv === "Ed25519").map((k) => [k.kid, createPublicKey({ key: k, format: "jwk" })]));
}

// check returns the claims of a pass that is genuine, for this show, and in its time.
export function check(keys, show, text, now = Date.now() / 1000) {
  const parts = text.split(".");
  if (parts.length !== 3 || !parts.every((p) => /^[A-Za-z0-9_-]+$/.test(p))) throw new Error("not a pass");
  const [header, claims] = parts.slice(0, 2).map((p) => JSON.parse(Buffer.from(p, "base64url")));
  if (header.alg !== "EdDSA") throw new Error("not signed with EdDSA");
  const key = keys.get(header.kid);
  if (!key || !verify(null, Buffer.from(`${parts[0]}.${parts[1]}`), key, Buffer.from(parts[2], "base64url"))) throw new Error("not signed by Frontrow");
  const audience = [].concat(claims.aud);
  if (audience.length !== 1 || audience[0] !== show) throw new Error("for another show");
  if (!(now < claims.exp)) throw new Error("expired");
  return claims;
}

const [url, show] = process.argv.slice(2);
const keys = await fetchKeys(url);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(check(keys, show, line).sub);
  } catch (error) {
    console.log("refused:", error.message);
  }
}
