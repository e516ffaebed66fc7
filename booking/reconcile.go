package booking

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"frontrow/internal/flow"

	"github.com/oklog/ulid/v2"

	"frontrow/internal/fault"
)

// Reconciler finds out what became of payments that got no answer, and gives money
// back that is owed. Any number of gateways run one: each payment is claimed by one
// of them at a time.
type Reconciler struct{ store *Store }

// NewReconciler makes the Reconciler of a sale.
func NewReconciler(s *Store) *Reconciler {
	return &Reconciler{store: s}
}

const (
	reconcileInterval = time.Second
	// reconcileBatch payments are claimed at once, and asked about side by side.
	reconcileBatch = 16
	// Between two questions about a payment (see PauseAfter), so that a provider that
	// comes back is not overrun.
	reconcileFirst = time.Second
	reconcileMost  = time.Minute
)

// Run does its rounds until ctx ends, and returns nil then.
func (r *Reconciler) Run(ctx context.Context) error {
	tick := time.NewTicker(reconcileInterval)
	defer tick.Stop()
	for {
		n, err := r.RunOnce(ctx)
		if err != nil && ctx.Err() == nil {
			r.store.log.WarnContext(ctx, "loop failed", "loop", "reconciler", "error", err)
		}
		if n == reconcileBatch && ctx.Err() == nil {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.store.paymentsNudged:
		case <-tick.C:
		}
	}
}

// RunOnce goes on with the payments that are due, and tells how many they were. That
// the provider does not answer is no error here. With nothing due it costs one query.
func (r *Reconciler) RunOnce(ctx context.Context) (n int, err error) {
	s := r.store
	if !s.TakesCards() {
		return 0, nil
	}
	rows, err := s.claimPayments(ctx)
	if err != nil {
		return 0, err
	}
	if n = len(rows); n > 0 {
		fault.Point("reconcile.claimed")
	}
	ctx = context.WithoutCancel(ctx) // what is begun is brought to its end
	errs := make([]error, len(rows))
	var running sync.WaitGroup
	flows := s.flowsOf(ctx, rows)
	for i, p := range rows {
		running.Go(func() {
			ctx, span := flow.Start(ctx, s.tracer, flows[p.OrderID], "reconcile", ofOrder(p.OrderID))
			errs[i] = s.goOn(ctx, p)
			flow.End(span, errs[i])
		})
	}
	running.Wait()
	return n, errors.Join(errs...)
}

// claimPayments takes payments that are due, for as long as asking may last.
func (s *Store) claimPayments(ctx context.Context) ([]paymentRow, error) {
	db, now := s.db.WithContext(ctx), s.Now()
	var due []string
	err := db.Model(&paymentRow{}).Where("state IN ('asked', 'refunding') AND next_at <= ?", now).
		Order("next_at").Limit(reconcileBatch).Pluck("order_id", &due).Error
	if err != nil || len(due) == 0 {
		return nil, failed("due payments", err)
	}
	claim := ulid.Make().String()
	n, err := exec(db, `UPDATE payments SET claim = ?, next_at = ?, tries = tries + 1
		WHERE order_id IN ? AND state IN ('asked', 'refunding') AND next_at <= ?`,
		claim, now+s.payments.takeOver().Microseconds(), due, now)
	if err != nil || n == 0 {
		return nil, failed("claim payments", err)
	}
	var rows []paymentRow
	err = db.Where("claim = ?", claim).Find(&rows).Error
	return rows, failed("claimed payments", err)
}

// flowsOf tells by order the flows that payments are part of. It hinders nothing:
// without it the trace goes on in another.
func (s *Store) flowsOf(ctx context.Context, payments []paymentRow) map[string]string {
	ids, flows := make([]string, len(payments)), map[string]string{}
	for i, p := range payments {
		ids[i] = p.OrderID
	}
	var orders []orderRow
	if len(ids) > 0 {
		if err := s.db.WithContext(ctx).Select("id", "trace").Where("id IN ?", ids).Find(&orders).Error; err != nil {
			s.log.WarnContext(ctx, "flows of payments are not known", "error", err)
		}
	}
	for _, o := range orders {
		flows[o.ID] = o.Trace
	}
	return flows
}

// goOn takes a payment one step on.
func (s *Store) goOn(ctx context.Context, p paymentRow) error {
	ctx, cancel := context.WithTimeout(ctx, s.payments.Answer+sqlPatience)
	defer cancel()
	var err error
	if p.State == paymentRefunding {
		err = s.refund(ctx, p)
	} else {
		err = s.findOut(ctx, p)
	}
	if err == nil || errors.Is(err, errRollback) { // or somebody else has settled it
		return nil
	}
	_, marked := exec(s.db.WithContext(ctx), "UPDATE payments SET next_at = ?, claim = '' WHERE order_id = ? AND claim = ? AND state = ?",
		s.Now()+PauseAfter(p.Tries, reconcileFirst, reconcileMost).Microseconds(), p.OrderID, p.Claim, p.State)
	if errors.Is(err, errNothingKnown) {
		err = nil
	}
	return errors.Join(err, failed("put payment off", marked))
}

// errNothingKnown says that a payment is to be asked about again.
var errNothingKnown = errors.New("nothing is known yet")

// findOut asks what became of a charge. One that never arrived is called off for good,
// and then declined; when the seats have waited long enough they go back.
func (s *Store) findOut(ctx context.Context, p paymentRow) error {
	a, err := s.asked(ctx, p, stepAsk, s.payments.Provider.Find)
	if errors.Is(err, ErrPaymentUnknown) {
		// The charge may be on its way still: now it cannot succeed any more.
		if a, err = s.asked(ctx, p, stepRefund, s.payments.Provider.Refund); err == nil && a.State == PaymentVoid {
			a.Reason = ReasonNoAnswer
		}
	}
	if err == nil && a.State != PaymentPending {
		fault.Point("reconcile.found")
		return s.settle(ctx, p, a)
	}
	if s.Now() >= p.SeatsUntil {
		return s.giveUp(ctx, p)
	}
	return errNothingKnown
}

// refund has the money of an order sent back.
func (s *Store) refund(ctx context.Context, p paymentRow) error {
	a, err := s.asked(ctx, p, stepRefund, s.payments.Provider.Refund)
	if err != nil || a.State == PaymentPending || a.State == PaymentCaptured {
		return errNothingKnown
	}
	fault.Point("refund.returned")
	return s.settleRefund(ctx, p, a)
}

func (s *Store) asked(ctx context.Context, p paymentRow, kind string, ask func(context.Context, string) (Payment, error)) (Payment, error) {
	ctx, cancel := context.WithTimeout(ctx, s.payments.Answer)
	defer cancel()
	return s.called(ctx, p, kind, func(ctx context.Context) (Payment, error) { return ask(ctx, p.OrderID) })
}

// PauseAfter is how long to wait after the n-th try, from 1, of something that may get
// better: from first on doubling up to most, and spread out by half, so that what failed
// together does not come back together.
func PauseAfter(n int, first, most time.Duration) time.Duration {
	pause := most
	if n < 20 {
		pause = min(pause, first<<max(0, n-1))
	}
	return pause/2 + rand.N(pause/2)
}

// PaymentHeard says that the provider has something to tell about an order. It is
// asked for that soon, so that nothing that anybody sends is believed as such. It tells
// whether the order waits for an answer.
func (s *Store) PaymentHeard(ctx context.Context, order, what string) (bool, error) {
	if !isID(order) {
		return false, nil
	}
	n, err := exec(s.db.WithContext(ctx), "UPDATE payments SET next_at = ? WHERE order_id = ? AND state IN ('asked', 'refunding') AND claim = ''",
		s.Now(), order)
	if err != nil || n == 0 {
		return false, failed("payment heard", err)
	}
	s.step(ctx, order, stepWebhook, what, "", "", s.Now())
	s.nudgePayments()
	return true, nil
}

// nudgePayments wakes this gateway's reconciler. It never blocks.
func (s *Store) nudgePayments() {
	select {
	case s.paymentsNudged <- struct{}{}:
	default:
	}
}
