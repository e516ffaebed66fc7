// Package ticket is the concert ticket as the gate reads it: which seat of which show
// by which order, under the signature that passes are signed with. Whoever has the
// public keys can check one without asking anybody.
package ticket

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Ticket is what a code says.
type Ticket struct {
	Show  string
	Seat  string
	Order string
}

// Why a code lets nobody in.
var (
	ErrNoTicket   = errors.New("this is not a ticket of ours")
	ErrUnknownKey = errors.New("this ticket is signed with a key that is not in the list")
	ErrForged     = errors.New("this ticket was changed: its signature does not fit")
)

// prefix begins every code, and with it what is signed, so that no signature of
// a ticket is one of a pass.
const prefix = "frt1."

// Encode writes a ticket as `frt1.<what it says>.<signature>`, both base64url without
// padding. What it says is `<kid>|<show>|<seat>|<order>`, of which none has a bar; what is
// signed is everything before the last dot.
func (t Ticket) Encode(kid string, sign func(message []byte) []byte) string {
	says := strings.Join([]string{kid, t.Show, t.Seat, t.Order}, "|")
	message := prefix + base64.RawURLEncoding.EncodeToString([]byte(says))
	return message + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(message)))
}

// Check reads a code under the public keys by their ids. It may return ErrNoTicket,
// ErrUnknownKey or ErrForged.
func Check(code string, keys map[string]ed25519.PublicKey) (Ticket, error) {
	code = strings.TrimSpace(code)
	dot := strings.LastIndexByte(code, '.')
	if !strings.HasPrefix(code, prefix) || dot < len(prefix) {
		return Ticket{}, ErrNoTicket
	}
	strict := base64.RawURLEncoding.Strict()
	says, err := strict.DecodeString(code[len(prefix):dot])
	if err != nil {
		return Ticket{}, ErrNoTicket
	}
	signature, err := strict.DecodeString(code[dot+1:])
	if err != nil {
		return Ticket{}, ErrNoTicket
	}
	parts := strings.Split(string(says), "|")
	if len(parts) != 4 {
		return Ticket{}, ErrNoTicket
	}
	key, known := keys[parts[0]]
	switch {
	case !known:
		return Ticket{}, ErrUnknownKey
	case !ed25519.Verify(key, []byte(code[:dot]), signature):
		return Ticket{}, ErrForged
	}
	return Ticket{Show: parts[1], Seat: parts[2], Order: parts[3]}, nil
}

// Keys reads the public keys out of a JSON Web Key Set, as `/.well-known/jwks.json`
// serves it. Keys of other kinds are left out.
func Keys(set []byte) (map[string]ed25519.PublicKey, error) {
	var told struct {
		Keys []struct {
			Kind  string `json:"kty"`
			Curve string `json:"crv"`
			ID    string `json:"kid"`
			X     string `json:"x"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set, &told); err != nil {
		return nil, fmt.Errorf("not a key set: %w", err)
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range told.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if k.Kind == "OKP" && k.Curve == "Ed25519" && err == nil && len(x) == ed25519.PublicKeySize {
			keys[k.ID] = x
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no Ed25519 key")
	}
	return keys, nil
}
