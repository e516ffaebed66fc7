package queue

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// Session proves that somebody signed in as the operator, by a name, until a time (whole
// seconds). It is bound to the admin token of the moment: with another one it is worth
// nothing, and no gateway keeps anything of it.
func (r *Keyring) Session(operator, admin string, until time.Time) string {
	body := append(binary.AppendUvarint(nil, uint64(until.Unix())), operator...) //nolint:gosec // no time before 1970
	mac := r.keys[0].desk.appendMAC(nil, sessionOf(body, admin))
	return base64.RawURLEncoding.EncodeToString(body) + "." + base64.RawURLEncoding.EncodeToString(mac)
}

// Operator is who a session made by Session speaks for. It says false for anything else,
// and once its time is over.
func (r *Keyring) Operator(session, admin string, now time.Time) (string, bool) {
	head, tail, _ := strings.Cut(session, ".")
	body, lost := strict.DecodeString(head)
	mac, err := strict.DecodeString(tail)
	if lost != nil || err != nil {
		return "", false
	}
	until, size := binary.Uvarint(body)
	if size <= 0 || now.Unix() >= int64(until) { //nolint:gosec // what is too large is past its time
		return "", false
	}
	for _, k := range r.keys {
		if k.desk.verify(sessionOf(body, admin), mac) {
			return string(body[size:]), true
		}
	}
	return "", false
}

// sessionOf is what a session's MAC is of.
func sessionOf(body []byte, admin string) []byte {
	token := sha256.Sum256([]byte(admin))
	return append(token[:], body...)
}
