// Package customer reads how a shop says who its customer is: a JWT that the shop signed,
// by a key of its JWKS or by a shared secret. Nothing of a customer is kept but the visitor
// that they are here.
package customer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"frontrow/queue"
)

var (
	// ErrInvalid says that the shop did not sign this for us, or for a time that is past.
	ErrInvalid = errors.New("customer token invalid")
	// ErrUnavailable says that the shop's keys cannot be had just now.
	ErrUnavailable = errors.New("the shop's keys cannot be had")
)

// Bounds of a token.
const (
	// mostToken is the longest that is looked at, in characters.
	mostToken = 4096
	// mostSubject is the longest `sub`, in bytes.
	mostSubject = 255
	// leeway is by how much the shop's clock may differ from ours.
	leeway = time.Minute
)

// Options say whose word is believed.
type Options struct {
	Issuer   string // `iss`
	Audience string // one of `aud`
	JWKS     string // URL of the shop's public keys; empty: it signs by Secret
	Secret   []byte // for HS256; empty: it signs by a key of JWKS
	Key      []byte // from which the ids of visitors derive; with another one everybody is somebody else
	Logger   *slog.Logger
	Now      func() time.Time
}

// Shop knows the customers of one shop. Its methods are safe for use by many at once.
type Shop struct {
	Options
	keys   *keySet // nil: there is but the secret
	parser *jwt.Parser
}

// New makes a Shop; it asks for the keys when the first customer comes.
func New(o Options) *Shop {
	s := &Shop{Options: o}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	if o.JWKS != "" {
		s.keys = newKeySet(o.JWKS, o.Logger, o.Now)
		methods = signedByKey
	}
	s.parser = jwt.NewParser(
		jwt.WithValidMethods(methods), jwt.WithStrictDecoding(),
		jwt.WithIssuer(o.Issuer), jwt.WithAudience(o.Audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway), jwt.WithTimeFunc(o.Now),
	)
	return s
}

// Visitor is who a customer is here: the same in every show and on every device. It may ask
// the shop for its keys. May return ErrInvalid or ErrUnavailable, each with the reason.
func (s *Shop) Visitor(ctx context.Context, text string) (string, error) {
	if len(text) > mostToken {
		return "", fmt.Errorf("%w: longer than %d characters", ErrInvalid, mostToken)
	}
	var claims jwt.RegisteredClaims
	_, err := s.parser.ParseWithClaims(text, &claims, func(t *jwt.Token) (any, error) { return s.key(ctx, t) })
	switch {
	case errors.Is(err, ErrUnavailable):
		return "", err
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	case claims.Subject == "" || len(claims.Subject) > mostSubject:
		return "", fmt.Errorf("%w: sub must have 1 to %d bytes", ErrInvalid, mostSubject)
	}
	return s.derive(claims.Subject), nil
}

// key finds the one by which a token must be signed. Its method was looked at before: what a
// public key verifies is never taken for a secret's.
func (s *Shop) key(ctx context.Context, t *jwt.Token) (any, error) {
	if _, demands := t.Header["crit"]; demands {
		return nil, errors.New("it demands what is not understood here")
	}
	if s.keys == nil {
		return s.Secret, nil
	}
	id, _ := t.Header["kid"].(string)
	return s.keys.find(ctx, id, t.Method.Alg())
}

// derive makes a visitor's id that tells nobody without the key which customer it is.
func (s *Shop) derive(subject string) string {
	mac := hmac.New(sha256.New, s.Key)
	message := binary.AppendUvarint(nil, uint64(len(s.Issuer))) // so that no two pairs are the same text
	mac.Write(append(append(message, s.Issuer...), subject...))
	return queue.VisitorOf(mac.Sum(nil))
}
