package queue

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// PassLifetime is how long a pass is good for; every poll gives a fresh one.
const PassLifetime = 2 * time.Minute

// Pass is the proof of being inside that any other service can check: a JWT
// signed with EdDSA (RFC 8037). Its signature says who; whether the admission still
// stands, Redis says.
type Pass struct {
	Issuer  string
	Visitor string
	Show    string
	Number  int64 // of the admission
	Issued  time.Time
	Expires time.Time
	Since   int64 // when the visitor moved to the device that holds it (us); 0: they never did
}

type passClaims struct {
	jwt.RegisteredClaims
	Number int64 `json:"num"`
	Since  int64 `json:"since,omitempty"`
}

// Pass signs a pass; its times are rounded down to whole seconds.
func (r *Keyring) Pass(p Pass) (string, error) {
	var id [12]byte
	rand.Read(id[:])
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, passClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    p.Issuer,
			Subject:   p.Visitor,
			Audience:  jwt.ClaimStrings{p.Show},
			IssuedAt:  jwt.NewNumericDate(p.Issued),
			ExpiresAt: jwt.NewNumericDate(p.Expires),
			ID:        base64.RawURLEncoding.EncodeToString(id[:]),
		},
		Number: p.Number,
		Since:  p.Since,
	})
	token.Header["kid"] = r.keys[0].id
	text, err := token.SignedString(r.keys[0].pass)
	if err != nil {
		return "", fmt.Errorf("sign pass: %w", err)
	}
	return text, nil
}

// ParsePass reads a pass of ours for any show. It returns ErrPassExpired for one
// past its time, together with what it says, and ErrPassInvalid for everything else.
func (r *Keyring) ParsePass(text string, now time.Time) (Pass, error) {
	var claims passClaims
	_, err := jwt.ParseWithClaims(text, &claims, r.passKey,
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return now }),
		jwt.WithLeeway(time.Second),
	)
	expired := errors.Is(err, jwt.ErrTokenExpired)
	if err != nil && !expired || len(claims.Audience) != 1 || !IsVisitor(claims.Subject) {
		return Pass{}, ErrPassInvalid
	}
	p := Pass{
		Issuer:  claims.Issuer,
		Visitor: claims.Subject,
		Show:    claims.Audience[0],
		Number:  claims.Number,
		Expires: claims.ExpiresAt.Time,
		Since:   claims.Since,
	}
	if claims.IssuedAt != nil {
		p.Issued = claims.IssuedAt.Time
	}
	if expired {
		return p, ErrPassExpired
	}
	return p, nil
}

func (r *Keyring) passKey(token *jwt.Token) (any, error) {
	for _, k := range r.keys {
		if token.Header["kid"] == k.id {
			return k.pass.Public(), nil
		}
	}
	return nil, ErrPassInvalid
}

// JWK is one public key as RFC 8037 writes it.
type JWK struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	X         string `json:"x"`
}

// JWKS lists the public keys of all secrets, so that a pass signed before a
// rotation can still be checked.
func (r *Keyring) JWKS() []JWK {
	set := make([]JWK, len(r.keys))
	for i, k := range r.keys {
		set[i] = JWK{
			KeyType: "OKP", Curve: "Ed25519", Use: "sig", Algorithm: "EdDSA", ID: k.id,
			X: base64.RawURLEncoding.EncodeToString(k.pass.Public().(ed25519.PublicKey)),
		}
	}
	return set
}

// KeyID names the key that Sign signs with, as JWKS lists it.
func (r *Keyring) KeyID() string { return r.keys[0].id }

// Sign signs a message with the key of passes. It must begin unlike a pass does, or
// whoever chooses it could have a pass signed.
func (r *Keyring) Sign(message []byte) []byte { return ed25519.Sign(r.keys[0].pass, message) }
