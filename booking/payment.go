package booking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"frontrow/internal/flow"

	"github.com/oklog/ulid/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"
)

// MethodCard pays an order through the payment provider.
const MethodCard = "card"

// The states of a payment as the sale keeps it. All but asked and refunding are final.
const (
	paymentAsked     = "asked"     // the provider was asked, or is about to be
	paymentCaptured  = "captured"  // the order is paid
	paymentDeclined  = "declined"  // the hold went on
	paymentRefunding = "refunding" // whatever was captured must go back
	paymentRefunded  = "refunded"  // it did
	paymentVoid      = "void"      // there was nothing to go back, and never will be
)

type paymentRow struct {
	OrderID    string `gorm:"primaryKey"`
	ShowID     string
	HoldID     string
	Amount     int64
	Currency   string
	State      string
	Captured   int64
	Refunded   int64
	Reason     string
	HoldUntil  int64
	Latest     int64
	Prolonged  int
	SeatsUntil int64
	Since      int64
	Tries      int
	NextAt     int64
	Claim      string
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	SettledAt  *int64
}

func (paymentRow) TableName() string { return "payments" }

// PaymentOptions say how the sale deals with the payment provider.
type PaymentOptions struct {
	// Provider may be nil: then no cards are taken.
	Provider Provider
	// Answer is how long a request waits for the provider. Default: 15 s.
	Answer time.Duration
	// Slot is how long a buyer stays inside while nothing is known. Default: 2 min.
	Slot time.Duration
	// Seats is how long their seats wait for it. Default: 10 min.
	Seats time.Duration
}

func (o PaymentOptions) withDefaults() PaymentOptions {
	for d, def := range map[*time.Duration]time.Duration{&o.Answer: 15 * time.Second, &o.Slot: 2 * time.Minute, &o.Seats: 10 * time.Minute} {
		if *d == 0 {
			*d = def
		}
	}
	return o
}

// takeOver is when the reconciler goes on with a payment that its request has not
// settled: once the request has surely given up.
func (o PaymentOptions) takeOver() time.Duration { return o.Answer + min(o.Answer, 5*time.Second) }

// TakesCards tells whether there is a payment provider.
func (s *Store) TakesCards() bool { return s.payments.Provider != nil }

// PaymentSlot is how long a buyer stays inside while their payment is under way.
func (s *Store) PaymentSlot() time.Duration { return s.payments.Slot }

// The kinds of steps that an order's way is told by.
const (
	stepCharge  = "charge"
	stepAsk     = "ask"
	stepRefund  = "refund"
	stepWebhook = "webhook"
	stepCancel  = "cancel"
)

// Outcomes of a call beside the states of a payment: the provider did not answer, or
// not so that it can be believed; or it has not heard of the payment.
const (
	stepNoAnswer = "no answer"
	stepUnknown  = "unknown"
)

// stepRow is a step of an order beside its events.
type stepRow struct {
	ID      string `gorm:"primaryKey"`
	OrderID string
	Kind    string
	Outcome string
	Detail  string
	MadeBy  string
	At      int64
	TookUS  int64
}

func (stepRow) TableName() string { return "order_steps" }

// step writes down what was asked and what came of it. It hinders nothing: without
// it the order's way is told with a gap.
func (s *Store) step(ctx context.Context, order, kind, outcome, detail, by string, began int64) {
	now := s.Now()
	row := newStep(order, kind, outcome, detail, by, now)
	row.At, row.TookUS = began, max(0, now-began)
	if err := s.db.WithContext(ctx).Create(&row).Error; err != nil {
		s.log.WarnContext(ctx, "a step is not written down", "order", order, "step", kind, "outcome", outcome, "error", err)
	}
}

func newStep(order, kind, outcome, detail, by string, at int64) stepRow {
	return stepRow{
		ID: ulid.Make().String(), OrderID: order, Kind: kind, Outcome: clip(outcome, 20),
		Detail: clip(detail, maxLastError), MadeBy: clip(by, maxTrace), At: at,
	}
}

// called asks the provider, writes the step down, and refuses an answer that is not
// about this payment.
func (s *Store) called(ctx context.Context, p paymentRow, kind string, call func(context.Context) (Payment, error)) (Payment, error) {
	began := s.Now()
	asking, span := s.tracer.Start(ctx, "provider: "+kind, trace.WithSpanKind(trace.SpanKindClient), ofOrder(p.OrderID))
	answer, err := call(asking)
	if err == nil {
		err = p.believe(answer)
	}
	flow.End(span, err)
	outcome, detail := answer.State, answer.Reason
	switch {
	case errors.Is(err, ErrPaymentUnknown):
		outcome, detail = stepUnknown, ""
	case err != nil:
		outcome, detail = stepNoAnswer, err.Error()
	}
	s.step(ctx, p.OrderID, kind, outcome, detail, "", began)
	return answer, err
}

// ofOrder names the order on a span.
func ofOrder(id string) trace.SpanStartOption {
	return trace.WithAttributes(attribute.String("order", id))
}

// errUnbelievable is an answer that says something else than what was asked.
type errUnbelievable string

func (e errUnbelievable) Error() string { return "the provider's answer cannot be: " + string(e) }

// believe returns an error for an answer that cannot be about this payment, or that
// contradicts itself: it is asked for again then, and settles nothing.
func (p paymentRow) believe(a Payment) error {
	bad := func(format string, args ...any) error { return errUnbelievable(fmt.Sprintf(format, args...)) }
	switch {
	case a.Order != p.OrderID:
		return bad("it is about %q", a.Order)
	case a.State == PaymentVoid && a.Amount == 0:
		// of a charge that never arrived, the provider knows no amount
	case a.Amount != p.Amount || a.Currency != p.Currency:
		return bad("%d %s where %d %s was asked", a.Amount, a.Currency, p.Amount, p.Currency)
	}
	captured, refunded := int64(0), int64(0)
	switch a.State {
	case PaymentPending, PaymentDeclined, PaymentVoid:
	case PaymentCaptured:
		captured = p.Amount
	case PaymentRefunded:
		captured, refunded = p.Amount, p.Amount
	default:
		return bad("state %q", a.State)
	}
	if a.Captured != captured || a.Refunded != refunded {
		return bad("%s with %d captured and %d refunded of %d", a.State, a.Captured, a.Refunded, p.Amount)
	}
	return nil
}

// settled is how every outcome is written to a payment: once, from the state that it
// was in, or the transaction is off.
func settled(tx *gorm.DB, order, from, to string, a Payment, reason string, now int64) error {
	return must(tx, 1, `UPDATE payments SET state = ?, captured = ?, refunded = ?, reason = ?, settled_at = ?, since = ?, claim = ''
		WHERE order_id = ? AND state = ?`, to, a.Captured, a.Refunded, clip(reason, 200), now, now, order, from)
}
