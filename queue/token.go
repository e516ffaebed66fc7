package queue

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// Token is the proof of a place, held by the visitor. It survives the loss of
// Redis: whoever brings it gets the same number back. It says as well what a claim
// and a recovery need and nobody else remembers.
type Token struct {
	Show       string
	Visitor    string
	Number     int64
	Epoch      int64
	Generation int64
	// Joined is when the place was given, in seconds since 1970.
	Joined int64
	// AdmittedUntil is when the admission ends that the token proves; 0 for none.
	// In seconds since 1970.
	AdmittedUntil int64
	// MaxUntil is how far that admission can be pinned; in seconds since 1970.
	MaxUntil int64
	// Low and High are the wait that was foretold first, in seconds from the join; 0 for
	// none.
	Low, High int64
	// Since is when the visitor moved to the device that holds it (us); 0: they never did.
	Since int64
}

// foretell notes what was foretold at a time (seconds since 1970), so that it can be
// compared with what comes.
func (t *Token) foretell(now int64, eta ETA) {
	waited := max(0, now-t.Joined)
	t.Low, t.High = waited+int64(eta.Low/time.Second), waited+int64(eta.High/time.Second)
}

const tokenPrefix = "fr1."

// IsToken tells whether text claims to be a token, whatever it is worth.
func IsToken(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// Token writes a token as `fr1.` and base64url of its fields and their MAC. Only
// the first fields are of fixed length; the show comes last, and behind it and a zero
// the move, where there was one.
func (r *Keyring) Token(t Token) string {
	visitor, _ := visitorBits(t.Visitor)
	raw := make([]byte, 0, 96)
	raw = append(raw, visitor[:]...)
	for _, n := range [...]int64{t.Number, t.Epoch, t.Generation, t.Joined, t.AdmittedUntil, t.MaxUntil, t.Low, t.High} {
		raw = binary.AppendUvarint(raw, uint64(n))
	}
	raw = append(raw, t.Show...)
	if t.Since > 0 {
		raw = binary.AppendUvarint(append(raw, 0), uint64(t.Since))
	}
	raw = r.keys[0].tokens.appendMAC(raw, raw)

	text := make([]byte, 0, len(tokenPrefix)+base64.RawURLEncoding.EncodedLen(len(raw)))
	text = append(text, tokenPrefix...)
	return string(base64.RawURLEncoding.AppendEncode(text, raw))
}

// strict reads base64url in the one way in which it is written; to ask for it each time is to copy its tables.
var strict = base64.RawURLEncoding.Strict()

// maxToken is longer than any token of ours, in characters.
const maxToken = 240

// ParseToken reads a token of ours for any show. It returns ErrTokenInvalid for
// everything else; nothing of the token is believed before its MAC is.
func (r *Keyring) ParseToken(text string) (Token, error) {
	if !IsToken(text) || len(text) > maxToken {
		return Token{}, ErrTokenInvalid
	}
	var buffer [maxToken]byte
	n, err := strict.Decode(buffer[:], []byte(text[len(tokenPrefix):]))
	if err != nil || n < visitorBytes+8+macSize {
		return Token{}, ErrTokenInvalid
	}
	body, mac := buffer[:n-macSize], buffer[n-macSize:n]
	for _, k := range r.keys {
		if k.tokens.verify(body, mac) {
			return readToken(body)
		}
	}
	return Token{}, ErrTokenInvalid
}

func readToken(body []byte) (t Token, err error) {
	t.Visitor = base64.RawURLEncoding.EncodeToString(body[:visitorBytes])
	body = body[visitorBytes:]
	for _, field := range [...]*int64{&t.Number, &t.Epoch, &t.Generation, &t.Joined, &t.AdmittedUntil, &t.MaxUntil, &t.Low, &t.High} {
		n, size := binary.Uvarint(body)
		if size <= 0 {
			return Token{}, ErrTokenInvalid
		}
		*field = int64(n)
		body = body[size:]
	}
	show, move, moved := bytes.Cut(body, []byte{0})
	if moved {
		since, size := binary.Uvarint(move)
		if size <= 0 {
			return Token{}, ErrTokenInvalid
		}
		t.Since = int64(since)
	}
	t.Show = string(show)
	return t, nil
}

// seconds of a time in microseconds, and back.
func seconds(us int64) int64 { return us / int64(time.Second/time.Microsecond) }

func micros(s int64) int64 { return s * int64(time.Second/time.Microsecond) }
