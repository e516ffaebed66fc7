package queue

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What the queue refuses.
var (
	// ErrNoRoom says that this gateway knows of no such show.
	ErrNoRoom = errors.New("no such show")
	// ErrClosed says that the show's queue takes nobody (yet, or any more).
	ErrClosed = errors.New("the queue is not open")
	// ErrFull says that max_waiting people keep a place already.
	ErrFull = errors.New("the queue is full")
	// ErrSoldOut says that everything is sold, so that the line takes nobody more.
	ErrSoldOut = errors.New("sold out")
	// ErrNotSoldOut says that there is no waiting list to join: the line itself moves.
	ErrNotSoldOut = errors.New("not sold out")
	// ErrProofRequired says that a new place costs a proof of work.
	ErrProofRequired = errors.New("a proof of work is needed")
	// ErrProofInvalid says that a proof of work solves no challenge of this show, or
	// solves one that is past its time.
	ErrProofInvalid = errors.New("proof of work invalid")
	// ErrProofSpent says that a proof of work has given somebody a place.
	ErrProofSpent = errors.New("proof of work spent")
	// ErrCustomerRequired says that a new place is for the shop's own customers alone.
	ErrCustomerRequired = errors.New("a customer of the shop is needed")
	// ErrNoPlace says that the visitor has no place in this queue.
	ErrNoPlace = errors.New("no place in this queue")
	// ErrNotWaiting says that somebody is not in line, or not there at the moment.
	ErrNotWaiting = errors.New("not waiting")
	// ErrPlaceExpired says that the place is of an older generation: the show was reset.
	ErrPlaceExpired = errors.New("the place is of an older generation")
	// ErrCodeInvalid says that a code was not made by us for this show and this place to
	// redeem it, or is past its time.
	ErrCodeInvalid = errors.New("code invalid")
	// ErrCodeSpent says that a code was redeemed before.
	ErrCodeSpent = errors.New("code spent")
	// ErrNotInside says that no admission stands behind the pass.
	ErrNotInside = errors.New("not inside")
	// ErrCodeUnknown says that nobody was given such a code to move a place with, or long ago.
	ErrCodeUnknown = errors.New("no such code")
	// ErrCodeExpired says that a code to move a place with is past its time.
	ErrCodeExpired = errors.New("the code is past its time")
	// ErrCodeUsed says that a place was moved with the code already.
	ErrCodeUsed = errors.New("the code was used")
	// ErrProlonged says that a session was prolonged before; it is once.
	ErrProlonged = errors.New("the session was prolonged before")
	// ErrNotProlongable says that the rules give nobody more time, or that no more is left.
	ErrNotProlongable = errors.New("the session cannot be prolonged")
	// ErrTokenInvalid says that a token was not made by us, or not for this show.
	ErrTokenInvalid = errors.New("token invalid")
	// ErrPassInvalid says that a pass was not made by us, or not for this show.
	ErrPassInvalid = errors.New("pass invalid")
	// ErrPassExpired says that a pass of ours is past its time.
	ErrPassExpired = errors.New("pass expired")

	errLost        = errors.New("redis has gone back behind what it told us")
	errCopy        = errors.New("another redis master opened the room")
	errUncommitted = errors.New("the seed of the draw is not committed to")
	errRival       = errors.New("another gateway is opening the room")
)

// UnavailableError says that Redis cannot be asked, and when to try again.
type UnavailableError struct {
	RetryAfter time.Duration
	Err        error
}

func (e *UnavailableError) Error() string { return "queue unavailable: " + e.Err.Error() }

func (e *UnavailableError) Unwrap() error { return e.Err }

func unavailable(op string, err error) error {
	return &UnavailableError{RetryAfter: time.Second, Err: fmt.Errorf("%s: %w", op, err)}
}

// TooManyError says that too much was asked from one place, or for one place, and
// when to ask again. Nothing is lost by it.
type TooManyError struct{ RetryAfter time.Duration }

func (e *TooManyError) Error() string {
	return "too many requests: again in " + e.RetryAfter.Round(time.Millisecond).String()
}

func isTooMany(err error) bool {
	var many *TooManyError
	return errors.As(err, &many)
}

// RuleError says what is wrong with one rule of admission.
type RuleError struct {
	Field  string
	Reason string
}

// RulesError lists everything that is wrong with rules.
type RulesError []RuleError

func (e RulesError) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + " " + f.Reason
	}
	return "rules invalid: " + strings.Join(parts, "; ")
}
