// The line as its visitors see it: who was told of a place before another asked for
// one has the smaller number, and nobody is let in before somebody with a smaller
// number who is there.

import { observe } from './invariants.js';
import { numberIn } from './pass.js';

export class Line {
  // absence is after how many seconds of silence somebody counts as absent.
  constructor(absence) {
    this.silence = absence * 350; // half of it, less what a gateway keeps to itself for a while
    this.places = [];
  }

  // follow waits for the visitor's turn and notes what shows their place in the order;
  // false when they did not get in.
  async follow(visitor, until) {
    const place = { visitor, askedAt: visitor.askedAt, toldAt: visitor.joinedAt, heardAt: visitor.joinedAt, waitedUntil: 0, silent: false };
    this.places.push(place);
    const note = () => this.note(place, visitor.status);
    note();
    if (!(await visitor.waitForTurn(until, note))) return false;
    place.number = numberIn(visitor.pass);
    place.insideAt = micros(visitor.status.as_of);
    return true;
  }

  // note keeps until when the place certainly waited, by the clock of Redis. Somebody
  // silent for long may have been called while absent: then they come back with their
  // old number, after larger ones, and that is right.
  note(place, status) {
    const now = Date.now();
    if (now - place.heardAt > this.silence) place.silent = true;
    place.heardAt = now;
    if (status.state === 'waiting') place.waitedUntil = Math.max(place.waitedUntil, micros(status.as_of));
  }

  // another is somebody else who waits, at random.
  another(visitor) {
    const others = this.places.filter((p) => p.visitor !== visitor && p.number === undefined);
    const other = others[Math.floor(Math.random() * others.length)];
    return other && other.visitor;
  }

  // judge compares everybody with everybody else, and returns how many had a number.
  judge() {
    const seen = this.places.filter((p) => p.number !== undefined);
    observe('one_place', new Set(seen.map((p) => p.number)).size === seen.length, 'two visitors have one number');
    judgeNumbers(seen);
    judgeAdmissions(seen);
    judgeLeftBehind(this.places.filter((p) => p.number === undefined), seen);
    return seen.length;
  }
}

// judgeNumbers wants everybody's number above those of all who had been told theirs
// before they asked.
function judgeNumbers(seen) {
  const told = [...seen].sort((a, b) => a.toldAt - b.toldAt);
  let earlier = 0;
  let highest = 0;
  for (const place of [...seen].sort((a, b) => a.askedAt - b.askedAt)) {
    while (earlier < told.length && told[earlier].toldAt < place.askedAt) highest = Math.max(highest, told[earlier++].number);
    observe('in_order', place.number > highest, `asked after number ${highest} was told, got ${place.number}`);
  }
}

// judgeAdmissions wants nobody to wait at a time when a larger number was inside.
function judgeAdmissions(seen) {
  let firstInside = Infinity;
  for (const place of [...seen].sort((a, b) => b.number - a.number)) {
    if (!place.silent) {
      const late = place.waitedUntil - firstInside;
      observe('in_order', late <= 0, `number ${place.number} waited on for ${late} us after a larger one was inside`);
    }
    firstInside = Math.min(firstInside, place.insideAt);
  }
}

// judgeLeftBehind wants nobody who did not get in at all, and whose number is so not
// known, to have waited when somebody was inside who asked after they had been told.
function judgeLeftBehind(left, seen) {
  for (const place of left.filter((p) => !p.silent)) {
    const before = seen.find((p) => p.askedAt > place.toldAt && p.insideAt < place.waitedUntil);
    observe('in_order', before === undefined, `waited on while number ${before && before.number} was inside, who came later`);
  }
}

// micros reads a time of the gateway's in microseconds, finer than Date does.
function micros(text) {
  const [, whole, fraction = ''] = /^([^.Z]+)(?:\.(\d+))?Z$/.exec(text);
  return Date.parse(`${whole}Z`) * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}
