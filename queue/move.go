package queue

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// MoveCode lets another device take over a place, once.
type MoveCode struct {
	Code    string
	Expires time.Time
}

// Spaced is the code in two groups, as people read it out.
func (m MoveCode) Spaced() string { return m.Code[:codeLength/2] + " " + m.Code[codeLength/2:] }

// Minutes is how long it is good when it is given.
func (MoveCode) Minutes() int64 { return int64(codeLife / time.Minute) }

// A code is of letters and digits that nobody mistakes for each other, heard or read: 30^8,
// or 6.6e11. With a thousand codes good at a time, one try in 6.6e8 hits any of them;
// the limits of the show allow 3,100 wrong tries while a code is good, so that somebody's code is guessed
// in one of 210,000 such five minutes, whatever number of addresses tries.
const (
	codeLetters = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeLength  = 8
	codeLife    = 5 * time.Minute
)

// wrongTries are how often a wrong code may be tried: by one visitor, from one address and in the
// whole show; and how many at once. Visitors are made up for nothing, addresses are
// not; a full house behind one address waits for its turn.
var wrongTries = []any{
	time.Minute.Microseconds(), 5,
	(30 * time.Second).Microseconds(), 10,
	(100 * time.Millisecond).Microseconds(), 100,
}

// newCode makes up a code. A byte that would favour some letters is thrown away.
func newCode() string {
	const fair = 256 / len(codeLetters) * len(codeLetters)
	code := make([]byte, 0, codeLength)
	for raw := [1]byte{}; len(code) < codeLength; {
		rand.Read(raw[:])
		if int(raw[0]) < fair {
			code = append(code, codeLetters[int(raw[0])%len(codeLetters)])
		}
	}
	return string(code)
}

// readCode reads a code as people write it: in small letters, in groups. It says false for
// what cannot be one.
func readCode(text string) (string, bool) {
	if len(text) > 4*codeLength {
		return "", false
	}
	code := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToUpper(text))
	return code, len(code) == codeLength && strings.Trim(code, codeLetters) == ""
}

// Offer gives a visitor who has a place a code with which another device can take it
// over. The one they were given before is no longer good. May return what Poll may return.
func (r *Room) Offer(ctx context.Context, who Who) (MoveCode, error) {
	s, err := r.Poll(ctx, who)
	if err != nil {
		return MoveCode{}, err
	}
	if s.State == Finished || s.State == Expired {
		return MoveCode{}, ErrNoPlace
	}
	var t Token
	if s.Token != "" {
		t, err = r.queue.keys.ParseToken(s.Token)
	} else {
		t = *who.Token // a poll without one gives one
	}
	for err == nil {
		code, until := newCode(), int64(0)
		if until, err = r.offer(ctx, code, t); until > 0 {
			return MoveCode{code, timeOf(until)}, err
		}
	}
	return MoveCode{}, err
}

// offer says until when the code is good (us); 0: it is taken.
func (r *Room) offer(ctx context.Context, code string, t Token) (int64, error) {
	place := fmt.Sprintf(placeFormat, t.Since, t.Number, t.Epoch, t.Generation, t.Joined, t.Low, t.High)
	a, err := r.run(ctx, "offer", offerScript, code, t.Visitor, place, codeLife.Microseconds())
	if err != nil {
		return 0, err
	}
	until, _ := a.rest[0].(int64)
	return until, nil
}

// placeFormat is what an offer keeps of a token: first when the visitor moved last. The
// admission is no part of it: Redis knows.
const placeFormat = "%d:%d:%d:%d:%d:%d:%d"

// Accept has the device of `by` take over the place that a code was given for, and returns
// the token to hold from now on. What the visitor held before, on whatever device, is
// no longer good: here at once, at other gateways within a second. May return ErrCodeUnknown, ErrCodeExpired, ErrCodeUsed,
// a TooManyError, or an UnavailableError.
func (r *Room) Accept(ctx context.Context, code string, by Who) (Token, string, error) {
	code, ok := readCode(code)
	if !ok {
		return Token{}, "", ErrCodeUnknown
	}
	address := "-"
	if by.From.IsValid() {
		address = AddressOf(by.From).Addr().String()
	}
	a, err := r.run(ctx, "accept", acceptScript, append([]any{code, by.Visitor, address}, wrongTries...)...)
	if err != nil {
		return Token{}, "", err
	}
	said, _ := a.rest[0].(string)
	n, _ := a.rest[1].(int64)
	switch said {
	case "moved":
	case "limited":
		return Token{}, "", &TooManyError{RetryAfter: time.Duration(n) * time.Microsecond}
	case "expired":
		return Token{}, "", ErrCodeExpired
	case "used":
		return Token{}, "", ErrCodeUsed
	default:
		return Token{}, "", ErrCodeUnknown
	}
	t := Token{Show: r.show}
	t.Visitor, _ = a.rest[2].(string)
	place, _ := a.rest[3].(string)
	if _, err := fmt.Sscanf(place, placeFormat, &t.Since, &t.Number, &t.Epoch, &t.Generation, &t.Joined, &t.Low, &t.High); err != nil {
		return Token{}, "", fmt.Errorf("accept answered %q: %w", place, err)
	}
	t.Since = n
	r.queue.moves.note(t.Visitor, t.Since)
	return t, r.queue.keys.Token(t), nil
}
