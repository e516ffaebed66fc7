// What the public board (GET /v1/shows/{show}/board) says of one number in the queue:
// everybody reads the same page, and works out the own place in it.

// position of a number: 1 is next in. null for a number that was called: then only a
// personal poll knows more. It is within 0.5 % of the exact position, or five places.
export function position(board, number) {
  if (number <= board.head) return null;
  let at = board.head, ahead = board.returned;
  for (const [numbers, present] of board.histogram) {
    if (number <= at + numbers) return Math.max(1, Math.round(ahead + (present * (number - at)) / numbers));
    at += numbers;
    ahead += present;
  }
  return ahead + Math.max(1, number - board.tail);
}

// chance of a seat at a position: "good", "low" or "none"; undefined while not known. The
// gateway works out the same (queue/stock.go).
export function chance(board, place) {
  const s = board.seats;
  if (!s || place === null) return undefined;
  if (s.free + s.held === 0) return "none";
  const taken = (s.rivals + place - 1) * s.each;
  return taken + 2 * Math.sqrt(taken * s.most) + s.most > s.free ? "low" : "good";
}

// eta of a position, as {low_seconds, high_seconds}; null when it cannot be foretold.
// The gateway works out the same (queue/pace.go).
export function eta(board, place) {
  const f = board.forecast;
  if (!f || place === null || (place > f.free && !f.low_per_second)) return null;
  const wait = (rate, fade) => {
    const t = place > f.free ? f.free / f.free_per_second + (place - f.free) / rate : place / f.free_per_second;
    return fade > 0 ? Math.log1p(fade * t) / fade : t;
  };
  return {
    low_seconds: Math.floor(Math.max(0, wait(f.high_per_second, 1.5 * f.fade_per_second) * (1 - f.unsure) - f.slack_seconds)),
    high_seconds: Math.ceil(wait(f.low_per_second, f.fade_per_second / 2) * (1 + f.unsure) + f.slack_seconds),
  };
}

// lookAfter is when to look at the board again, in milliseconds: after a twentieth of the wait, as
// polls do, so that an hour of waiting costs little data, but never more often than it says. While
// admission is paused the place decides, as it does for polls (queue/status.go).
export function lookAfter(board, wait, place) {
  const after = board.paused ? place * 10 : (wait ? wait.low_seconds : 0) * 50;
  return Math.max(board.poll_after_ms, Math.min(30000, after));
}
