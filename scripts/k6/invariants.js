// The invariants of the sale as k6 metrics and thresholds, under the names that
// the rest of the project uses (with `_` for `-`, which k6 does not allow).
//
// Each is the share of observations in which it held, and must be exactly 1. k6
// lets a rate without any observation pass, so a run that looked at nothing must
// fail elsewhere: each script counts the visits that saw what it is about, and asks
// for their number; what a verdict leaves out counts as broken.

import { Counter, Rate } from 'k6/metrics';
import { adminToken } from './gateway.js';

// What a buyer can see from outside.
export const seenByBuyers = ['one_place', 'pass_needed', 'paid_is_kept', 'money_balances', 'limit'];

// What only the stored state shows, by GET /v1/admin/verify.
const stored = ['sold_once', 'settled', 'cap', 'rate', 'in_order', 'told_once', 'as_drawn'];

const metrics = {};
for (const name of [...seenByBuyers, ...stored]) metrics[name] = new Rate(name);

const violations = new Counter('violations');

// observe records whether the invariant held this time, and prints the detail of one
// that did not.
export function observe(name, held, detail) {
  metrics[name].add(held);
  if (!held && detail) console.error(`${name}: ${detail}`);
}

// observeVerdict records what verify found: every invariant that it checked, and
// each violation, which it also prints. Without `checked` there was no verdict.
export function observeVerdict({ checked = [], violations: found = [] }) {
  const broken = new Set(found.map((v) => metricOf(v.invariant)));
  const names = new Set(checked.map(metricOf));
  for (const name of names) observe(name, !broken.has(name));
  for (const name of stored.filter((n) => !names.has(n))) observe(name, false, 'not checked');
  for (const v of found) {
    violations.add(1, { invariant: v.invariant });
    console.error(`${v.invariant}: ${v.show ? `show ${v.show}: ` : ''}${v.detail}`);
  }
}

function metricOf(invariant) {
  return invariant.replace(/-/g, '_');
}

// thresholds fail the run when an invariant broke that this script sees, or a
// request did. Those of the stored state are asked for only when somebody can ask
// for the verdict.
export function thresholds(seen) {
  const all = { violations: ['count==0'], checks: ['rate>0.99'], server_errors: ['count==0'] };
  for (const name of adminToken ? [...seen, ...stored] : seen) all[name] = ['rate==1'];
  return all;
}
