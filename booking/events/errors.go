package events

import (
	"errors"
	"time"

	"frontrow/booking"
)

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent says that trying again cannot help: the delivery is set aside for an
// operator at once. Nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

type laterError struct {
	error
	after time.Duration
}

func (e laterError) Unwrap() error { return e.error }

// After says that trying again makes no sense before so long, an hour at the most.
// Nil stays nil.
func After(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return laterError{err, min(d, longestAfter)}
}

// longestAfter bounds what a service may ask for: it may mean another day's time.
const longestAfter = time.Hour

// hopeless tells whether no other try can end better.
func hopeless(err error) bool {
	var permanent permanentError
	return errors.As(err, &permanent) || errors.Is(err, booking.ErrUnreadable)
}

// asked is the pause that an error asks for, 0 if none.
func asked(err error) time.Duration {
	var later laterError
	if errors.As(err, &later) {
		return later.after
	}
	return 0
}
