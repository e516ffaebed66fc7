package booking

import (
	"context"
	"errors"
)

// Provider takes money from cards and gives it back. The order's id is the idempotency
// key of whatever is asked, so that asking again does nothing twice.
//
// What is asked is part of the flow of its context, and says so by traceparent.
//
// An error says that nothing is known about what came of it, unless it is
// ErrNotCharged or, from Find, ErrPaymentUnknown.
type Provider interface {
	// Charge authorises and captures at once: the seats are the buyer's already.
	Charge(ctx context.Context, c Charge) (Payment, error)
	// Find tells what became of a charge.
	Find(ctx context.Context, order string) (Payment, error)
	// Refund gives back all that was captured. Where nothing was, it sees to it that
	// nothing ever will be, also by a charge that is still on its way.
	Refund(ctx context.Context, order string) (Payment, error)
}

// ErrNotCharged says that a charge did not leave the house: the provider is not to
// be reached, and knows nothing of it.
var ErrNotCharged = errors.New("the payment provider is not to be reached")

// ErrPaymentUnknown says that the provider has not heard of a payment.
var ErrPaymentUnknown = errors.New("the payment provider knows no such payment")

// Charge is what a provider is asked for. Card is a token that the provider gave the
// buyer's browser, never a card's number.
type Charge struct {
	Order    string
	Amount   int64
	Currency string
	Card     string
}

// The states of a payment at the provider. Pending is neither yet; refunded
// means that all of it went back, and void that it will never be captured.
const (
	PaymentPending  = "pending"
	PaymentCaptured = "captured"
	PaymentDeclined = "declined"
	PaymentRefunded = "refunded"
	PaymentVoid     = "void"
)

// Payment is what a provider says of a charge. Captured and Refunded are amounts in
// the currency's minor unit; Reason says why a card was declined, as a code.
type Payment struct {
	Order              string
	State              string
	Amount             int64
	Currency           string
	Captured, Refunded int64
	Reason             string
}
