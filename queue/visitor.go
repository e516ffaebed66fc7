package queue

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
)

// A visitor's id is 80 random bits in base64url: 14 characters. Longer ids cost
// a million visitors 15 MB of Redis and more.
const (
	visitorBytes = 10
	visitorChars = 14
)

// NewVisitor makes up the id of a visitor who comes for the first time.
func NewVisitor() string {
	var id [visitorBytes]byte
	rand.Read(id[:]) // never fails, says its documentation
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// VisitorOf makes the id of a visitor from the first 80 bits of a digest.
func VisitorOf(digest []byte) string {
	return base64.RawURLEncoding.EncodeToString(digest[:visitorBytes])
}

// IsVisitor tells whether text has the form of a visitor's id.
func IsVisitor(text string) bool {
	_, ok := visitorBits(text)
	return ok
}

func visitorBits(text string) (id [visitorBytes]byte, ok bool) {
	if len(text) != visitorChars {
		return id, false
	}
	n, err := strict.Decode(id[:], []byte(text))
	return id, err == nil && n == visitorBytes
}

// SignVisitor gives the value of the cookie fr_visitor: the id, when the visitor moved to
// this device (us; left out for 0: they never did), and the MAC of both.
func (r *Keyring) SignVisitor(visitor string, since int64) string {
	text := visitor
	if since > 0 {
		text += "." + strconv.FormatInt(since, 36)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(r.keys[0].cookie.appendMAC(nil, []byte(text)))
}

// Visitor reads a cookie made by SignVisitor. It says false for anything else.
func (r *Keyring) Visitor(cookie string) (visitor string, since int64, ok bool) {
	end := strings.LastIndexByte(cookie, '.')
	if end < visitorChars {
		return "", 0, false
	}
	text := cookie[:end]
	mac, err := strict.DecodeString(cookie[end+1:])
	if err != nil || !r.isCookie(text, mac) {
		return "", 0, false
	}
	if len(text) > visitorChars {
		if since, err = strconv.ParseInt(text[visitorChars+1:], 36, 64); err != nil {
			return "", 0, false
		}
	}
	return text[:visitorChars], since, IsVisitor(text[:visitorChars])
}

func (r *Keyring) isCookie(text string, mac []byte) bool {
	for _, k := range r.keys {
		if k.cookie.verify([]byte(text), mac) {
			return true
		}
	}
	return false
}

// Form is what a form of a page carries to prove that the page was made for this visitor:
// no page of another origin can know it.
func (r *Keyring) Form(visitor string) string {
	return base64.RawURLEncoding.EncodeToString(r.keys[0].forms.appendMAC(nil, []byte(visitor)))
}

// IsForm tells whether text was made by Form for this visitor.
func (r *Keyring) IsForm(visitor, text string) bool {
	mac, err := strict.DecodeString(text)
	if err != nil {
		return false
	}
	for _, k := range r.keys {
		if k.forms.verify([]byte(visitor), mac) {
			return true
		}
	}
	return false
}
