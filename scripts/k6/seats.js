// What the visitors of one VU know together of the seats that they fight for.

// A gateway's picture of the seats is a second old at most; the rest is for a machine
// under load.
const staleMS = 3000;

export class Seats {
  // seats are those fought for; all is the whole hall, in layout order.
  constructor(seats, all) {
    this.names = seats;
    this.letterAt = new Map(seats.map((seat) => [seat, all.indexOf(seat)]));
    this.known = new Map(seats.map((seat) => [seat, { state: 'free', since: 0 }]));
  }

  // unsold are the seats that nobody is known to have bought.
  unsold() {
    return this.names.filter((seat) => this.known.get(seat).state !== 'sold');
  }

  // took notes that a holder was told of having the seats; it returns those that
  // somebody else still had for certain.
  took(holder, seats) {
    const doubled = seats.filter((seat) => ['held', 'sold'].includes(this.known.get(seat).state));
    this.set(holder, seats, 'held');
    return doubled;
  }

  // giving notes that the holder is about to ask for the seats to be released: from
  // now on somebody else may have them before the holder is told.
  giving(holder, seats) {
    this.change(holder, seats, 'giving');
  }

  gave(holder, seats) {
    this.change(holder, seats, 'free');
  }

  // paying notes that the seats are held or sold, until the holder is told.
  paying(holder, seats) {
    this.change(holder, seats, 'held, perhaps sold');
  }

  paid(holder, seats) {
    this.change(holder, seats, 'sold');
  }

  change(holder, seats, state) {
    this.set(holder, seats.filter((seat) => this.known.get(seat).holder === holder), state);
  }

  set(holder, seats, state) {
    for (const seat of seats) this.known.set(seat, { holder, state, since: Date.now() });
  }

  // snapshot is what is known now, to be compared with letters asked for after it.
  snapshot() {
    return { at: Date.now(), known: new Map(this.known) };
  }

  // contradictions lists the seats whose letter is not what was known for long before
  // the snapshot, and still is.
  contradictions({ at, known }, letters) {
    const wrong = [];
    for (const [seat, before] of known) {
      const expected = { held: 'h', sold: 's' }[before.state];
      const settled = this.known.get(seat) === before && at - before.since > staleMS;
      if (expected && settled && letters[this.letterAt.get(seat)] !== expected) wrong.push(`${seat} is ${before.state}`);
    }
    return wrong;
  }

  // unsettled lists the seats whose letter is not what they are in the end, when
  // nobody holds any more.
  unsettled(letters) {
    return this.names.filter((seat) => letters[this.letterAt.get(seat)] !== (this.known.get(seat).state === 'sold' ? 's' : 'f'));
  }
}
