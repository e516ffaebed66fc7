package booking

import (
	"slices"
	"strings"
	"time"

	"frontrow/internal/flow"
	"frontrow/internal/invariant"
)

// moneyOfOrders: a card order has its payment, and keeps what it owes and no more; a
// wallet order that was taken back has its points back.
func (b *books) moneyOfOrders() {
	for _, o := range b.undone {
		if o.Method == MethodWallet {
			var sum int64
			for _, e := range b.entries[o.ID] {
				sum += e.Amount
			}
			if sum != 0 {
				b.broken(invariant.MoneyBalances, "order %s is %s, and keeps %d points", o.ID, o.State, -sum)
			}
		}
	}
	orders := map[string]bool{}
	for _, o := range append(b.orders, b.undone...) {
		orders[o.ID] = true
		if o.Method == MethodCard {
			b.cardPayment(o)
		}
	}
	for _, id := range sorted(b.cards) {
		if !orders[id] {
			b.broken(invariant.MoneyBalances, "payment %s is of no order", id)
		}
	}
}

// paymentOf tells, by an order's state, the states that its payment may have.
var paymentOf = map[string][]string{
	orderPending:   {paymentAsked},
	orderPaid:      {paymentCaptured},
	orderDeclined:  {paymentDeclined},
	orderCancelled: {paymentRefunding, paymentVoid},
	orderRefunded:  {paymentRefunded},
}

func (b *books) cardPayment(o orderRow) {
	p, ok := b.cards[o.ID]
	if !ok {
		b.broken(invariant.MoneyBalances, "card order %s has no payment", o.ID)
		return
	}
	matches := false
	for _, state := range paymentOf[o.State] {
		matches = matches || p.State == state
	}
	if !matches {
		b.broken(invariant.MoneyBalances, "order %s is %s and its payment %s", o.ID, o.State, p.State)
	}
	if p.Amount != o.Amount || p.Currency != o.Currency {
		b.broken(invariant.MoneyBalances, "order %s is over %d %s and its payment over %d %s", o.ID, o.Amount, o.Currency, p.Amount, p.Currency)
	}
	owed := int64(0)
	if o.State == orderPaid {
		owed = o.Amount
	}
	if p.State != paymentRefunding && p.Captured-p.Refunded != owed {
		b.broken(invariant.MoneyBalances, "%s order %s keeps %d of its card, and owes %d", o.State, o.ID, p.Captured-p.Refunded, owed)
	}
}

// hangsAfter is how long a refund may take before it is said to hang, and how much
// longer than its seats wait a payment may be without an outcome.
const hangsAfter = 5 * time.Minute

// ordersSettle: no payment stays without an outcome, and each order's events tell how it
// came to the state that it has.
func (b *books) ordersSettle() {
	for _, id := range sorted(b.cards) {
		p := b.cards[id]
		due := p.SeatsUntil
		if p.State == paymentRefunding {
			due = p.Since
		} else if p.State != paymentAsked {
			continue
		}
		if b.now-due > hangsAfter.Microseconds() {
			b.broken(invariant.Settled, "order %s hangs: its payment is %s since %s, asked about %d times",
				id, p.State, time.UnixMicro(p.Since).UTC().Format(time.RFC3339), p.Tries)
		}
	}
	of := map[string][]eventRow{}
	for _, id := range sorted(b.events) {
		e := b.events[id]
		of[e.Subject] = append(of[e.Subject], e)
	}
	for _, o := range slices.Concat(b.orders, b.undone) {
		b.chain(o, of[o.ID])
	}
	for _, id := range sorted(b.holds) {
		h := b.holds[id]
		if h.paying() && b.cards[h.OrderID].State != paymentAsked {
			b.broken(invariant.Settled, "hold %s waits for order %s, whose payment is %q", id, h.OrderID, b.cards[h.OrderID].State)
		}
	}
}

// chain: an order has the events of its way, each once, and all in its own trace.
func (b *books) chain(o orderRow, events []eventRow) {
	if o.Method == MethodWallet && o.State == orderPending {
		b.broken(invariant.Settled, "order %s hangs: it is pending, and the wallet pays at once", o.ID)
	}
	want, have := o.way(), make([]string, len(events))
	for i, e := range events {
		have[i] = e.Type
		if flow.TraceID(e.Trace) != flow.TraceID(o.Trace) {
			b.broken(invariant.Settled, "event %s of order %s is in trace %s, and the order in %s", e.ID, o.ID, flow.TraceID(e.Trace), flow.TraceID(o.Trace))
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		b.broken(invariant.Settled, "order %s is %s, and its events are [%s] and not [%s]", o.ID, o.State, strings.Join(have, " "), strings.Join(want, " "))
	}
}

// way lists the types of the events that led to an order's state.
func (r orderRow) way() (way []string) {
	if r.State == orderDeclined {
		return []string{OrderDeclined}
	}
	if r.PaidAt != nil {
		way = append(way, OrderPaid)
	}
	if r.State == orderCancelled || r.State == orderRefunded && r.Method == MethodCard {
		way = append(way, OrderCancelled)
	}
	if r.State == orderRefunded {
		way = append(way, OrderRefunded)
	}
	return way
}
