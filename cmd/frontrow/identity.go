package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"frontrow/internal/customer"
	"frontrow/queue"
)

// identityConfig names the shop that says who its customers are; without an issuer nobody does.
type identityConfig struct {
	Issuer    string `name:"identity-issuer" env:"FRONTROW_IDENTITY_ISSUER" help:"iss of what the shop signs about its customers. Empty: there are none." placeholder:"ISSUER"`
	Audience  string `name:"identity-audience" env:"FRONTROW_IDENTITY_AUDIENCE" help:"aud that it must name." placeholder:"AUDIENCE"`
	JWKS      string `name:"identity-jwks-url" env:"FRONTROW_IDENTITY_JWKS_URL" help:"Where the shop's public keys are; this, or the secret." placeholder:"URL"`
	HMAC      string `name:"identity-secret" env:"FRONTROW_IDENTITY_SECRET" help:"The shop signs by HS256 with it; 32 characters or more." placeholder:"SECRET"`
	Visitors  string `name:"identity-key" env:"FRONTROW_IDENTITY_KEY" help:"32 bytes of base64 or more from which visitors' ids derive: never change it." placeholder:"KEY"`
	SignInURL string `name:"sign-in-url" env:"FRONTROW_SIGN_IN_URL" help:"Where customers of the shop sign in." placeholder:"URL"`
}

// leastKey is how long a key of HMAC-SHA256 must be, in bytes.
const leastKey = 32

// check returns everything that is wrong with it, in one error.
func (c identityConfig) check() error {
	if c.Issuer == "" {
		if c != (identityConfig{}) {
			return errors.New("FRONTROW_IDENTITY_ISSUER is required with every other variable of customers: nothing they sign is believed without")
		}
		return nil
	}
	var errs []error
	if c.Audience == "" {
		errs = append(errs, errors.New("FRONTROW_IDENTITY_AUDIENCE is required with FRONTROW_IDENTITY_ISSUER: what was signed for others is worth nothing here"))
	}
	if (c.JWKS == "") == (c.HMAC == "") {
		errs = append(errs, errors.New("either FRONTROW_IDENTITY_JWKS_URL or FRONTROW_IDENTITY_SECRET must be set with FRONTROW_IDENTITY_ISSUER, and not both"))
	}
	if c.JWKS != "" && !isHTTP(c.JWKS) {
		errs = append(errs, errors.New("FRONTROW_IDENTITY_JWKS_URL must be http(s)://host/path"))
	}
	if c.HMAC != "" && len(c.HMAC) < leastKey {
		errs = append(errs, fmt.Errorf("FRONTROW_IDENTITY_SECRET must have %d characters or more", leastKey))
	}
	if _, err := queue.DecodeSecret(c.Visitors); err != nil {
		errs = append(errs, fmt.Errorf("FRONTROW_IDENTITY_KEY must be %d random bytes of base64 or more, such as `openssl rand -base64 32` prints", leastKey))
	}
	if c.SignInURL != "" && !isHTTP(c.SignInURL) {
		errs = append(errs, errors.New("FRONTROW_SIGN_IN_URL must be http(s)://host/path"))
	}
	return errors.Join(errs...)
}

// shop is who says who its customers are; nil: nobody.
func (c identityConfig) shop(log *slog.Logger) (*customer.Shop, error) {
	if c.Issuer == "" {
		return nil, nil
	}
	key, err := queue.DecodeSecret(c.Visitors)
	return customer.New(customer.Options{
		Issuer: c.Issuer, Audience: c.Audience, JWKS: c.JWKS, Secret: []byte(c.HMAC), Key: key, Logger: log, Now: time.Now,
	}), err
}
