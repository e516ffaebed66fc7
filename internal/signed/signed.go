// Package signed signs what is sent between servers, and checks it: a header
// `t=<unix seconds>,v1=<hex>` with the HMAC-SHA256 of "<t>.<body>" under a secret that
// both know.
package signed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Header carries the signature.
const Header = "Frontrow-Signature"

// Tolerance is how old, or how far ahead, a signature may be: whoever records a
// message cannot send it again later.
const Tolerance = 5 * time.Minute

// What Check refuses.
var (
	ErrSignature = errors.New("the signature is not ours")
	ErrStale     = errors.New("the signature is too old, or from the future")
)

// Sign makes the header's value for a body at a time.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac(secret, t, body))
}

func mac(secret, t string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Check tells whether a header's value signs the body, within the tolerance of now. It
// may return ErrSignature or ErrStale. An empty secret signs nothing.
func Check(secret, value string, now time.Time, body []byte) error {
	t, sum, ok := strings.Cut(value, ",v1=")
	t, ok2 := strings.CutPrefix(t, "t=")
	unix, err := strconv.ParseInt(t, 10, 64)
	raw, err2 := hex.DecodeString(sum)
	if !ok || !ok2 || err != nil || err2 != nil || secret == "" || !hmac.Equal(raw, mac(secret, t, body)) {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(unix, 0)); age > Tolerance || age < -Tolerance {
		return ErrStale
	}
	return nil
}
