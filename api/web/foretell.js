// What a rule of admission will do, worked out before it is in force.

// emptying tells how long it takes until everybody who waits is in.
//   waiting, active   people in line, and inside
//   admit, interval   people let in per so many milliseconds, at most
//   cap               people inside at a time, at most
//   stay              how long people stay inside (seconds); null: nobody knows
// It gives { seconds, perMinute, bound }: bound is what holds the line back, "rate" or "cap",
// or "shut" when nobody is let in; sure is false where the stay is not known, and seconds
// then is the least that it can take.
export function emptying({ waiting, active, admit, interval, cap, stay }) {
  const rate = (admit * 1000) / interval;
  if (!rate || !cap) return { seconds: Infinity, perMinute: 0, bound: "shut", sure: true };
  const steady = stay > 0 ? Math.min(rate, cap / stay) : rate;
  const sure = stay > 0;
  // Too many inside: nobody enters until enough of them have gone.
  const drain = sure && active > cap ? stay * Math.log(active / cap) : 0;
  if (steady >= rate) return { seconds: drain + waiting / rate, perMinute: rate * 60, bound: "rate", sure };
  // Until the cap is felt people enter by the rate; what frees up meanwhile lets in more.
  const free = (Math.max(0, cap - active) * rate) / (rate - steady);
  const seconds = waiting <= free ? waiting / rate : free / rate + (waiting - free) / steady;
  return { seconds: drain + seconds, perMinute: steady * 60, bound: "cap", sure };
}
