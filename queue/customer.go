package queue

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// SignCustomer gives the value of a cookie that proves, until a time (whole seconds), that a
// shop's customer is this visitor here. It is worth nothing but a place.
func (r *Keyring) SignCustomer(visitor string, until time.Time) string {
	id, _ := visitorBits(visitor)
	body := binary.AppendUvarint(id[:], uint64(until.Unix())) //nolint:gosec // no time before 1970
	return base64.RawURLEncoding.EncodeToString(body) + "." + base64.RawURLEncoding.EncodeToString(r.keys[0].customer.appendMAC(nil, body))
}

// Customer reads a cookie made by SignCustomer. It says false for anything else, and once
// its time is over.
func (r *Keyring) Customer(cookie string, now time.Time) (visitor string, ok bool) {
	head, tail, _ := strings.Cut(cookie, ".")
	body, lost := base64.RawURLEncoding.Strict().DecodeString(head)
	mac, err := base64.RawURLEncoding.Strict().DecodeString(tail)
	if lost != nil || err != nil || len(body) <= visitorBytes {
		return "", false
	}
	until, size := binary.Uvarint(body[visitorBytes:])
	if size <= 0 || now.Unix() >= int64(until) { //nolint:gosec // what is too large is past its time
		return "", false
	}
	for _, k := range r.keys {
		if k.customer.verify(body, mac) {
			return VisitorOf(body), true
		}
	}
	return "", false
}
