package booking

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// The kinds of steps of a timeline, beside those of order_steps: charge, ask and refund
// are calls to the payment provider, webhook is what it told, cancel who undid the order.
const (
	StepHold    = "hold"    // the seats were held
	StepOrder   = "order"   // the payment was asked for
	StepSettled = "settled" // it has an outcome
	StepEvent   = "event"   // something happened that listeners are told of
	StepTold    = "told"    // a listener was told
	StepDue     = "due"     // a listener is still to be told, from now on or at a time to come
)

// Step is one thing that happened with an order. What is not of its kind is empty.
type Step struct {
	At       int64 // µs: when it began
	Kind     string
	Outcome  string
	TookUs   int64  // of calls and of listeners
	Type     string // of the event that happened, or that a listener was told of
	Event    string // its id
	Listener string
	Try      int
	By       string // who cancelled: buyer, or operator
	Detail   string // for operators alone: what went wrong, in words of the house
}

// Timeline is the way of an order from its hold on, in the order of time. More says that
// there are steps beyond those listed. Hangs names what should have come to its end.
type Timeline struct {
	Order Order
	Steps []Step
	More  bool
	Hangs []string
}

// mostSteps bounds a timeline.
const mostSteps = 500

// Timeline tells the way of anybody's order. It may return ErrOrderNotFound or
// ErrUnavailable.
func (s *Store) Timeline(ctx context.Context, id string) (Timeline, error) {
	order, err := s.OrderOf(ctx, id)
	if err != nil {
		return Timeline{}, err
	}
	w := way{books: newBooks(order.Show, s.Now())}
	for _, subject := range []string{order.HoldID, order.ID} {
		tries, err := s.Tries(ctx, subject)
		if err != nil {
			return Timeline{}, err
		}
		w.tries = append(w.tries, tries...)
	}
	if err := s.snapshot(ctx, func(tx *gorm.DB) error { return w.read(tx, order) }); err != nil {
		return Timeline{}, failed("timeline", err)
	}
	t := Timeline{Order: w.order.order(), Steps: w.all()}
	t.Order.Reason = order.Reason
	if t.More = len(t.Steps) > mostSteps; t.More {
		t.Steps = t.Steps[:mostSteps]
	} else { // else not all is known that would have to be there
		w.ordersSettle()
		w.toldOnce()
	}
	for _, v := range w.found {
		t.Hangs = append(t.Hangs, v.Detail)
	}
	return t, nil
}

// way is all that is stored of one order, at one moment.
type way struct {
	*books
	order      orderRow
	hold       holdRow
	payment    *paymentRow
	steps      []stepRow
	deliveries []deliveryRow
	tries      []Try
}

// read reads one more of each than a timeline has, so that it is known if there are more.
func (w *way) read(tx *gorm.DB, o Order) error {
	var holds []holdRow
	var payments []paymentRow
	var events []eventRow
	subjects := []string{o.ID, o.HoldID}
	err := errors.Join(
		tx.Where("id = ?", o.ID).Take(&w.order).Error,
		tx.Where("id = ?", o.HoldID).Find(&holds).Error,
		tx.Where("order_id = ?", o.ID).Find(&payments).Error,
		tx.Where("order_id = ?", o.ID).Order("at, id").Limit(mostSteps+1).Find(&w.steps).Error,
		tx.Where("subject IN ?", subjects).Order("id").Limit(mostSteps+1).Find(&events).Error,
		tx.Where("subject IN ?", subjects).Order("event_id, listener").Limit(mostSteps+1).Find(&w.deliveries).Error,
	)
	if w.order.State == orderPaid {
		w.orders = append(w.orders, w.order)
	} else {
		w.undone = append(w.undone, w.order)
	}
	for _, h := range holds {
		if w.hold = h; h.OrderID == o.ID {
			w.holds[h.ID] = h
		}
	}
	for _, p := range payments {
		w.payment = &p
		w.cards[p.OrderID] = p
	}
	for _, e := range events {
		w.events[e.ID] = e
	}
	for _, d := range w.deliveries {
		w.told[d.EventID] = append(w.told[d.EventID], d)
	}
	return err
}

// all are the steps in the order of time; what happened at the same moment stands in the
// order of a sale.
func (w *way) all() []Step {
	var steps []Step
	if w.hold.ID != "" {
		steps = append(steps, Step{At: w.hold.CreatedAt, Kind: StepHold, Outcome: HoldHeld})
	}
	steps = append(steps, Step{At: w.order.CreatedAt, Kind: StepOrder, Outcome: w.order.Method})
	for _, r := range w.steps {
		steps = append(steps, w.taken(r))
	}
	steps = append(steps, w.settled()...)
	for _, id := range sorted(w.events) {
		e := w.events[id]
		steps = append(steps, Step{At: e.At, Kind: StepEvent, Type: e.Type, Event: e.ID})
	}
	ended := map[string]bool{}
	for _, t := range w.tries {
		ended[t.Event+" "+t.Listener+" "+t.Outcome] = true
		steps = append(steps, Step{
			At: t.At, Kind: StepTold, Outcome: t.Outcome, TookUs: t.TookUs, Type: t.Type, Event: t.Event, Listener: t.Listener, Try: t.Try, Detail: t.Error,
		})
	}
	for _, d := range w.deliveries {
		if !ended[d.EventID+" "+d.Listener+" "+d.State] {
			steps = append(steps, w.delivered(d))
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return steps
}

// taken is a step that was written down as such.
func (w *way) taken(r stepRow) Step {
	step := Step{At: r.At, Kind: r.Kind, Outcome: strings.ReplaceAll(r.Outcome, " ", "_"), TookUs: r.TookUS, Detail: r.Detail, By: r.MadeBy}
	if step.By == w.order.Visitor {
		step.By = "buyer"
	}
	return step
}

// settled are the outcomes of the payment: it was paid, and what became of it then.
func (w *way) settled() (steps []Step) {
	if w.order.PaidAt != nil {
		steps = append(steps, Step{At: *w.order.PaidAt, Kind: StepSettled, Outcome: orderPaid})
	}
	if p := w.payment; p != nil && p.SettledAt != nil && slices.Contains([]string{paymentDeclined, paymentRefunded, paymentVoid}, p.State) {
		steps = append(steps, Step{At: *p.SettledAt, Kind: StepSettled, Outcome: p.State, Detail: p.Reason})
	}
	return steps
}

// delivered is where a delivery stands of which no try tells: it is due, or was ended by
// a version that wrote none down.
func (w *way) delivered(d deliveryRow) Step {
	e := w.events[d.EventID]
	step := Step{At: d.NextAt, Kind: StepTold, Outcome: d.State, Type: e.Type, Event: d.EventID, Listener: d.Listener, Try: d.Tries, Detail: d.LastError}
	switch {
	case d.DoneAt != nil:
		step.At = *d.DoneAt
	case d.State == deliveryDue:
		step.At, step.Kind, step.Outcome = max(d.NextAt, w.now), StepDue, "waiting" // it may wait for an earlier one
		if d.Claim != "" && d.NextAt > w.now {
			step.Outcome = "under_way"
		}
	}
	return step
}
