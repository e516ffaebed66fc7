// What one visitor does, from joining the line to leaving with their seats, and
// what they notice on the way: checks for what should be so, observations for
// what must be.

import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { adminToken, askAdmin, call, gateways, json, pause } from './gateway.js';
import { observe } from './invariants.js';
import { seatsOf } from './show.js';

export const bought = new Counter('bought');
const seatsBought = new Counter('seats_bought');
const walkedAway = new Counter('left');
const outbid = new Counter('seats_taken');
const gaveUp = new Counter('gave_up');
const joining = new Trend('joining', true);
const polled = new Trend('polled', true);
const waited = new Trend('waited', true);

// The most that one charge may add to a wallet.
const largestCharge = 100000000;

export class Visitor {
  // show is the public JSON of the show that the visitor wants to see.
  constructor(show) {
    this.show = show;
    this.path = `/v1/shows/${show.show}`;
  }

  // join takes a place, as nobody in particular or as the bearer; false when the queue
  // gives none.
  async join(bearer) {
    this.askedAt = Date.now();
    const response = await call('join', 'POST', `${this.path}/queue`, { bearer });
    this.joinedAt = Date.now();
    joining.add(this.joinedAt - this.askedAt);
    if (!check(response, { 'join: 201 with a token': (r) => r.status === 201 && Boolean(json(r).token) })) return false;
    if (!bearer) this.cookie = (response.cookies.fr_visitor || [{}])[0].value;
    this.adopt(json(response));
    return true;
  }

  // joinAgain must lead to the very place that the visitor has.
  async joinAgain() {
    const response = await call('join again', 'POST', `${this.path}/queue`, { bearer: this.token });
    observe('one_place', response.status === 200);
    if (response.status === 200) this.adopt(json(response));
  }

  // adopt keeps what a status of the queue brings: its newest token and pass.
  adopt(status) {
    this.status = status;
    this.token = status.token || this.token;
    this.pass = status.pass || this.pass;
  }

  // poll asks once; false when the place is not known any more.
  async poll() {
    const response = await call('poll', 'GET', `${this.path}/queue`, { bearer: this.token });
    polled.add(response.timings.duration);
    const known = check(response, { 'poll: 200': (r) => r.status === 200 });
    if (known) this.adopt(json(response));
    return known;
  }

  // waitForTurn polls as often as it is told to, until the visitor is inside; false
  // when that is not so by the time given (ms), or at all. `heard` is called after
  // each poll that was answered.
  async waitForTurn(until, heard = () => {}) {
    while (this.status.state === 'waiting') {
      if (Date.now() >= until) {
        gaveUp.add(1);
        return false;
      }
      await pause(Math.min(this.status.poll_after_ms || 1000, until - Date.now()) / 1000);
      if (!(await this.poll())) return false;
      heard();
    }
    if (this.status.state === 'sold_out') return false;
    const admitted = check(this.status, { 'admitted with a pass': (s) => s.state === 'admitted' && Boolean(s.pass) });
    if (admitted) waited.add(Date.now() - this.joinedAt);
    return admitted;
  }

  // tryToHold attempts a hold by whatever credential, expecting to be refused; a
  // hold that succeeds all the same breaks pass-needed.
  async tryToHold(name, bearer, seat, refusals) {
    const response = await call(name, 'POST', `${this.path}/holds`, { bearer, body: { seats: [seat] } });
    observe('pass_needed', refusals.includes(response.status));
  }

  // lookAround reads the layout once, and the states of its seats.
  async lookAround() {
    const response = await call('layout', 'GET', `${this.path}/seats/layout?v=${this.show.layout_version}`);
    const layout = json(response);
    if (!check(layout, { 'layout: has sections': (l) => Array.isArray(l.sections) })) return false;
    this.seats = seatsOf(layout);
    return true;
  }

  // free lists the seats that are free as far as anybody knows.
  async free() {
    const { states } = json(await call('states', 'GET', `${this.path}/seats/state`));
    const fits = check(states, { 'states: one letter a seat': (s) => s !== undefined && s.length === this.seats.length });
    return fits ? this.seats.filter((_, i) => states[i] === 'f') : [];
  }

  // tryTooMany asks for one seat more than the show allows.
  async tryTooMany() {
    const seats = this.seats.slice(0, this.show.max_seats + 1);
    if (seats.length <= this.show.max_seats) return;
    const response = await call('hold too many', 'POST', `${this.path}/holds`, { bearer: this.pass, body: { seats } });
    observe('limit', response.status === 422);
  }

  // hold takes one or two free seats at random, others when somebody was faster;
  // undefined when nothing is left or luck is out.
  async hold() {
    const lost = new Set();
    for (let attempt = 0; attempt < 8; attempt++) {
      const free = (await this.free()).filter((seat) => !lost.has(seat));
      const seats = pick(free, Math.min(1 + Math.floor(Math.random() * 2), this.show.max_seats));
      if (seats.length === 0) return undefined;

      const response = await call('hold', 'POST', `${this.path}/holds`, { bearer: this.pass, body: { seats } });
      const answer = json(response);
      if (response.status === 201) {
        this.pass = answer.pass;
        check(answer, { 'hold: the seats asked for': (h) => same(h.seats, seats) && h.state === 'held' });
        return answer;
      }
      if (!check(response, { 'hold: 201, or taken by somebody else': (r) => r.status === 409 })) return undefined;
      if (answer.code !== 'seats_taken') return undefined; // sold out, or closed meanwhile
      outbid.add(1);
      for (const seat of answer.taken || []) lost.add(seat);
    }
    return undefined;
  }

  // release gives the hold's seats back.
  async release(hold) {
    const response = await call('release', 'DELETE', `/v1/holds/${hold.hold}`, { bearer: this.token });
    check(response, { 'release: 204': (r) => r.status === 204 });
    const after = json(await call('read hold', 'GET', `/v1/holds/${hold.hold}`, { bearer: this.token }));
    check(after, { 'release: the hold is released': (h) => h.state === 'released' });
  }

  // balance reads the wallet; NaN when it cannot be read.
  async balance() {
    const wallet = json(await call('wallet', 'GET', '/v1/wallet', { bearer: this.token }));
    this.id = wallet.visitor;
    return Number(wallet.balance);
  }

  // chargeFor fills the wallet for the hold, by the admin's hand where visitors
  // may not; false when neither works. The wallet must grow by what was charged.
  async chargeFor(hold) {
    const before = await this.balance();
    for (let missing = hold.amount - before; missing > 0; missing -= largestCharge) {
      const options = { body: { amount: Math.min(missing, largestCharge) }, key: crypto.randomUUID() };
      let response = await call('charge', 'POST', '/v1/wallet/charges', { bearer: this.token, ...options });
      if (json(response).code === 'admin_required' && adminToken) {
        response = await askAdmin('charge by admin', 'POST', `/wallets/${this.id}/charges`, options);
      }
      if (!check(response, { 'charge: 201': (r) => r.status === 201 })) return false;
    }
    this.money = Math.max(before, hold.amount);
    observe('money_balances', (await this.balance()) === this.money);
    return true;
  }

  // pay buys what the hold keeps, asks for the answer again as after a lost one,
  // and looks whether the order is there and was paid for once; false when the
  // first attempt failed.
  async pay(hold) {
    const request = { key: crypto.randomUUID(), body: { hold: hold.hold, payment: { method: 'wallet' } } };
    const first = await call('pay', 'POST', '/v1/orders', { bearer: this.pass, ...request });
    const order = json(first);
    if (!check(first, { 'pay: 201, paid': (r) => r.status === 201 && order.state === 'paid' })) return false;
    bought.add(1);
    seatsBought.add(order.seats.length);

    const again = await call('pay again', 'POST', '/v1/orders', { bearer: this.token, ...request });
    const other = await call('pay another body', 'POST', '/v1/orders', {
      bearer: this.token,
      ...request,
      body: { ...request.body, hold: order.order },
    });
    check(again, { 'pay: the same key gives the same order': (r) => json(r).order === order.order });
    check(other, { 'pay: the same key with another body is refused': (r) => json(r).code === 'idempotency_mismatch' });
    observe('money_balances', (await this.balance()) === this.money - hold.amount);
    await this.lookBack(order, hold);
    return true;
  }

  // lookBack reads the order that was answered as paid, and all of the visitor's.
  async lookBack(order, hold) {
    const kept = json(await call('read order', 'GET', `/v1/orders/${order.order}`, { bearer: this.token }));
    observe('paid_is_kept', kept.state === 'paid' && same(kept.seats, hold.seats));

    const orders = json(await call('read orders', 'GET', '/v1/orders', { bearer: this.token })).orders || [];
    const mine = orders.filter((o) => o.show === this.show.show && o.state === 'paid');
    const count = mine.reduce((sum, o) => sum + o.seats.length, 0);
    observe('limit', count >= hold.seats.length && count <= this.show.max_seats);
  }

  // shop is the visitor's time inside, at the end of which no place and no hold of
  // theirs is left; one who is fickle gives the seats back.
  async shop(fickle) {
    if (!(await this.lookAround())) return this.leave();
    await this.tryTooMany();
    const hold = await this.hold();
    if (!hold) return this.leave();

    await pause(0.2 + Math.random());
    if (fickle || !(await this.chargeFor(hold)) || !(await this.pay(hold))) {
      await this.release(hold);
      return this.leave();
    }
    await this.seeOut();
    // The pass is still good for a minute or two; the admission behind it is not.
    return this.tryToHold('hold after buying', this.pass, this.seats[0], [401, 403]);
  }

  // seeOut polls until the place is finished, as it must be soon after the purchase.
  async seeOut() {
    const state = await this.endOf(this.token);
    check(state, { 'finished after buying': (s) => s === 'finished' });
  }

  // leave gives the place up, whatever it is.
  async leave() {
    const response = await call('leave', 'DELETE', `${this.path}/queue`, { bearer: this.token });
    check(response, { 'leave: 204': (r) => r.status === 204 });
    const state = await this.endOf(this.token);
    check(state, { 'finished after leaving': (s) => s === 'finished' });
    walkedAway.add(1);
  }

  // leaveEverywhere leaves, and returns when every gateway knows.
  async leaveEverywhere() {
    const { token } = this;
    await this.leave();
    await Promise.all(gateways.map((at) => this.endOf(token, at)));
  }

  // endOf polls by a token, at one gateway or any, until its place is neither waiting
  // nor inside, and returns what it is then, or still. Another gateway than the one
  // that ended it may take a second to know.
  async endOf(token, at) {
    for (let i = 0; ; i++) {
      const response = await call('poll the end', 'GET', `${this.path}/queue`, { bearer: token, at });
      const { state } = json(response);
      if (i === 20 || !['waiting', 'admitted'].includes(state)) return state;
      await pause(0.5);
    }
  }
}

// pick takes up to n different elements at random.
export function pick(list, n) {
  const left = list.slice();
  const picked = [];
  while (picked.length < n && left.length > 0) {
    picked.push(left.splice(Math.floor(Math.random() * left.length), 1)[0]);
  }
  return picked;
}

// same tells whether two lists have the same elements, in any order.
function same(a, b) {
  return Array.isArray(a) && a.length === b.length && [...a].sort().join() === [...b].sort().join();
}
