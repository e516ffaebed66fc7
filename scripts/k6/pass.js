// Passes, as somebody reads and forges them who has no key.

import encoding from 'k6/encoding';

// claimsIn reads what a pass says.
export function claimsIn(pass) {
  return JSON.parse(encoding.b64decode(pass.split('.')[1], 'rawurl', 's'));
}

// numberIn is the queue number that the admission belongs to.
export function numberIn(pass) {
  return claimsIn(pass).num;
}

// tampered claims another number under the old signature.
export function tampered(pass) {
  const [head, , signature] = pass.split('.');
  return `${head}.${encode({ ...claimsIn(pass), num: 1 })}.${signature}`;
}

// unsigned claims to need no signature.
export function unsigned(pass) {
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claimsIn(pass))}.`;
}

// forged is for the show, and signed by nobody.
export function forged(show) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'AAAAAAAAAAAAAA', aud: [show.show], iat: now, exp: now + 60, num: 1 };
  return `${encode({ alg: 'EdDSA', typ: 'JWT', kid: 'mine' })}.${encode(claims)}.${encoding.b64encode('x'.repeat(64), 'rawurl')}`;
}

function encode(value) {
  return encoding.b64encode(JSON.stringify(value), 'rawurl');
}
