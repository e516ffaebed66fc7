package booking

import (
	"errors"
	"fmt"
	"strings"
)

// What a caller may have to tell apart. Every error of this package that is
// none of these, nor of the types below, is a fault of ours or of the servers.
var (
	ErrSchemaBehind        = errors.New("the database schema is behind this version")
	ErrUnavailable         = errors.New("the sale is not available just now")
	ErrShowExists          = errors.New("a show with this id exists")
	ErrShowNotFound        = errors.New("no such show")
	ErrShowInUse           = errors.New("the show is on sale, or has holds or orders")
	ErrLayoutInUse         = errors.New("the layout cannot change once a seat was held or sold")
	ErrContended           = errors.New("somebody else keeps changing the same show")
	ErrChanged             = errors.New("somebody else has changed the show since")
	ErrNotOnSale           = errors.New("the show is not on sale")
	ErrTooLate             = errors.New("the time until which the visitor may hold seats has passed")
	ErrSeatsShort          = errors.New("not so many seats are free just now")
	ErrSoldOut             = errors.New("not so many seats are left")
	ErrNotYours            = errors.New("it belongs to another visitor")
	ErrHoldNotFound        = errors.New("no such hold")
	ErrHoldExpired         = errors.New("the hold is over")
	ErrAlreadyPaid         = errors.New("the hold is paid")
	ErrPaymentUnderWay     = errors.New("a payment for the hold is under way")
	ErrNoCards             = errors.New("this shop takes no cards")
	ErrNotPaid             = errors.New("the order is not paid")
	ErrCancelTooLate       = errors.New("the time for cancelling is over")
	ErrOrderNotFound       = errors.New("no such order")
	ErrInsufficientPoints  = errors.New("not enough points")
	ErrNoDraw              = errors.New("the show does not open by draw")
	ErrBeaconNotDue        = errors.New("a beacon is taken between the freeze and the draw, once")
	ErrNoDeadLetter        = errors.New("no such dead letter")
	ErrTooManyBans         = errors.New("as many are banned from the show as may be")
	ErrPictureNotFound     = errors.New("no such picture")
	ErrUnreadable          = errors.New("an event that this version cannot read")
	ErrIdempotencyMismatch = errors.New("the idempotency key was used for another request")
)

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// InvalidError lists everything that is wrong with a request, all at once.
type InvalidError struct {
	Fields []FieldError
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + ": " + f.Reason
	}
	return "invalid: " + strings.Join(parts, "; ")
}

func invalid(field, format string, args ...any) error {
	return &InvalidError{Fields: []FieldError{{Field: field, Reason: fmt.Sprintf(format, args...)}}}
}

// UnknownSeatError names the seats of a request that the show does not have.
type UnknownSeatError struct {
	Seats []string
}

func (e *UnknownSeatError) Error() string {
	return "unknown seats: " + strings.Join(e.Seats, ", ")
}

// TooManySeatsError says how many seats of the show a visitor may have in all, and
// how many they have: held and paid ones; 0 when the request alone is too large.
type TooManySeatsError struct {
	Limit, Have int
}

func (e *TooManySeatsError) Error() string {
	return fmt.Sprintf("more than %d seats, with the %d that the visitor has", e.Limit, e.Have)
}

// SeatsTakenError names the seats of a request that somebody else has.
type SeatsTakenError struct {
	Seats []string
}

func (e *SeatsTakenError) Error() string {
	return "seats taken: " + strings.Join(e.Seats, ", ")
}
