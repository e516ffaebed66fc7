// The proof of work that a show may want for a new place (docs/openapi.yaml, getChallenge).

// prove looks for a nonce, many at a time: one by one, most of the time goes into waiting.
export async function prove({ challenge, below }) {
  const bytes = new TextEncoder();
  for (let nonce = 0; ; nonce += 256) {
    const hashes = await Promise.all(Array.from({ length: 256 }, (_, i) => crypto.subtle.digest("SHA-256", bytes.encode(`${challenge}.${nonce + i}`))));
    const found = hashes.findIndex((hash) => new DataView(hash).getUint32(0) < below);
    if (found >= 0) return `${challenge}.${nonce + found}`;
  }
}
