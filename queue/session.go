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
	body := dated(until, operator)
	return sealed(body, r.keys[0].desk.appendMAC(nil, sessionOf(body, admin)))
}

// Operator is who a session made by Session speaks for. It says false for anything else,
// and once its time is over.
func (r *Keyring) Operator(session, admin string, now time.Time) (string, bool) {
	body, says, mac := unsealed(session, now)
	if body == nil {
		return "", false
	}
	for _, k := range r.keys {
		if k.desk.verify(sessionOf(body, admin), mac) {
			return says, true
		}
	}
	return "", false
}

// dated is what a cookie says, behind until when it is good.
func dated(until time.Time, says string) []byte {
	return append(binary.AppendUvarint(nil, uint64(until.Unix())), says...) //nolint:gosec // no time before 1970
}

// sealed writes a cookie: a body that dated made, and its MAC.
func sealed(body, mac []byte) string {
	return base64.RawURLEncoding.EncodeToString(body) + "." + base64.RawURLEncoding.EncodeToString(mac)
}

// unsealed reads a cookie that sealed wrote: its body, what that says, and a MAC, which is yet
// to be verified. body is nil for anything else, and once its time is over.
func unsealed(cookie string, now time.Time) (body []byte, says string, mac []byte) {
	head, tail, _ := strings.Cut(cookie, ".")
	body, lost := strict.DecodeString(head)
	mac, err := strict.DecodeString(tail)
	until, size := binary.Uvarint(body)
	if lost != nil || err != nil || size <= 0 || now.Unix() >= int64(until) { //nolint:gosec // what is too large is past its time
		return nil, "", nil
	}
	return body, string(body[size:]), mac
}

// sessionOf is what a session's MAC is of.
func sessionOf(body []byte, admin string) []byte {
	token := sha256.Sum256([]byte(admin))
	return append(token[:], body...)
}
