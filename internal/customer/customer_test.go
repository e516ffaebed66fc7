package customer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"frontrow/queue"
)

var (
	now    = time.Unix(1_764_000_000, 0)
	secret = []byte(strings.Repeat("s", 32))
)

func options() Options {
	return Options{
		Issuer: "https://shop.test", Audience: "frontrow", Secret: secret, Key: []byte(strings.Repeat("k", 32)),
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}
}

func claims(change ...func(jwt.MapClaims)) jwt.MapClaims {
	c := jwt.MapClaims{"iss": "https://shop.test", "aud": "frontrow", "sub": "anna@shop.test", "exp": now.Add(time.Minute).Unix()}
	for _, f := range change {
		f(c)
	}
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func set(name string, value any) func(jwt.MapClaims) {
	return func(c jwt.MapClaims) { c[name] = value }
}

// What is believed of a customer, and what is not, at each bound and past it.
func TestWhatTheShopSigned(t *testing.T) {
	t.Parallel()
	s := New(options())
	pad := func(length int) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) {
			for n := 0; ; n++ {
				c["pad"] = strings.Repeat("x", n)
				if len(sign(t, jwt.SigningMethodHS256, "", secret, c)) >= length {
					return
				}
				n += max(0, (length-len(sign(t, jwt.SigningMethodHS256, "", secret, c)))*3/4-3)
			}
		}
	}
	for name, test := range map[string]struct {
		change func(jwt.MapClaims)
		ok     bool
	}{
		"as it should be":         {func(jwt.MapClaims) {}, true},
		"one audience of several": {set("aud", []string{"mail", "frontrow"}), true},
		"another issuer":          {set("iss", "https://shop.test/"), false},
		"no issuer":               {func(c jwt.MapClaims) { delete(c, "iss") }, false},
		"another audience":        {set("aud", "mail"), false},
		"no audience":             {func(c jwt.MapClaims) { delete(c, "aud") }, false},
		"no customer":             {func(c jwt.MapClaims) { delete(c, "sub") }, false},
		"a customer of no name":   {set("sub", ""), false},
		"the longest customer":    {set("sub", strings.Repeat("a", mostSubject)), true},
		"a longer customer":       {set("sub", strings.Repeat("a", mostSubject+1)), false},
		"no end":                  {func(c jwt.MapClaims) { delete(c, "exp") }, false},
		"ended within the leeway": {set("exp", now.Add(-leeway+time.Second).Unix()), true},
		"ended before it":         {set("exp", now.Add(-leeway).Unix()), false},
		"not yet, within leeway":  {set("nbf", now.Add(leeway).Unix()), true},
		"not yet":                 {set("nbf", now.Add(leeway+time.Second).Unix()), false},
		"made within the leeway":  {set("iat", now.Add(leeway).Unix()), true},
		"made in the future":      {set("iat", now.Add(leeway+time.Second).Unix()), false},
		"far too long":            {pad(mostToken + 1), false},
	} {
		visitor, err := s.Visitor(t.Context(), sign(t, jwt.SigningMethodHS256, "", secret, claims(test.change)))
		if (err == nil) != test.ok || test.ok != queue.IsVisitor(visitor) || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: visitor %q, %v", name, visitor, err)
		}
	}
	long := sign(t, jwt.SigningMethodHS256, "", secret, claims(pad(mostToken-3)))
	if _, err := s.Visitor(t.Context(), long); err != nil || len(long) > mostToken {
		t.Errorf("a token of %d characters: %v", len(long), err)
	}
	if _, err := s.Visitor(t.Context(), sign(t, jwt.SigningMethodHS256, "", []byte(strings.Repeat("x", 32)), claims())); !errors.Is(err, ErrInvalid) {
		t.Errorf("signed by somebody else: %v", err)
	}
	if _, err := s.Visitor(t.Context(), sign(t, jwt.SigningMethodNone, "", jwt.UnsafeAllowNoneSignatureType, claims())); !errors.Is(err, ErrInvalid) {
		t.Errorf("signed by nobody: %v", err)
	}
	if _, err := s.Visitor(t.Context(), sign(t, jwt.SigningMethodHS512, "", secret, claims())); !errors.Is(err, ErrInvalid) {
		t.Errorf("signed by another method: %v", err)
	}
	demanding := jwt.NewWithClaims(jwt.SigningMethodHS256, claims())
	demanding.Header["crit"] = []string{"b64"}
	text, err := demanding.SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Visitor(t.Context(), text); !errors.Is(err, ErrInvalid) {
		t.Errorf("demands what is not understood: %v", err)
	}
}

// One customer is one visitor; another customer, shop or key is another.
func TestCustomersAreVisitors(t *testing.T) {
	t.Parallel()
	visitor := func(o Options, sub string) string {
		v, err := New(o).Visitor(t.Context(), sign(t, jwt.SigningMethodHS256, "", secret, claims(set("iss", o.Issuer), set("sub", sub))))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	anna := visitor(options(), "anna")
	if again := visitor(options(), "anna"); again != anna {
		t.Errorf("%s came again as %s", anna, again)
	}
	elsewhere, rekeyed := options(), options()
	elsewhere.Issuer, rekeyed.Key = "https://shop.testa", []byte(strings.Repeat("K", 32))
	for what, other := range map[string]string{
		"another customer": visitor(options(), "bert"), "another shop's": visitor(elsewhere, "anna"), "under another key": visitor(rekeyed, "anna"),
		"an issuer that ends where the customer begins": visitor(elsewhere, "nna"),
	} {
		if other == anna {
			t.Errorf("%s is %s too", what, anna)
		}
	}
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// shopOf serves keys, which a test may change, and counts how often it is asked.
type shopOf struct {
	keys  atomic.Pointer[[]map[string]string]
	away  atomic.Bool
	asked atomic.Int64
	url   string
}

func newShop(t *testing.T, keys ...map[string]string) *shopOf {
	t.Helper()
	s := &shopOf{}
	s.keys.Store(&keys)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.away.Load() {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": *s.keys.Load()})
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func edKey(t *testing.T, id string) (ed25519.PrivateKey, map[string]string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private, map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": id, "use": "sig", "alg": "EdDSA", "x": b64(public)}
}

// Each kind of key verifies what it signed by its own method, and nothing else.
func TestKindsOfKeys(t *testing.T) {
	t.Parallel()
	ed, edJWK := edKey(t, "ed")
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ecJWK := map[string]string{"kty": "EC", "crv": "P-256", "kid": "ec", "x": b64(point[1:33]), "y": b64(point[33:])}
	off := map[string]string{"kty": "EC", "crv": "P-256", "kid": "off", "x": b64(point[1:33]), "y": b64(point[1:33])}
	big2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaJWK := func(id, use string, n *big.Int) map[string]string {
		return map[string]string{"kty": "RSA", "kid": id, "use": use, "n": b64(n.Bytes()), "e": "AQAB"}
	}
	shop := newShop(t, edJWK, ecJWK, off, rsaJWK("rsa", "sig", big2048.N), rsaJWK("enc", "enc", big2048.N), rsaJWK("weak", "sig", new(big.Int).Rsh(big2048.N, 1)),
		map[string]string{"kty": "oct", "kid": "oct", "k": b64(secret)})
	o := options()
	o.Secret, o.JWKS = nil, shop.url
	s := New(o)
	for name, test := range map[string]struct {
		text string
		ok   bool
	}{
		"EdDSA":                      {sign(t, jwt.SigningMethodEdDSA, "ed", ed, claims()), true},
		"EdDSA, the only such key":   {sign(t, jwt.SigningMethodEdDSA, "", ed, claims()), true},
		"ES256":                      {sign(t, jwt.SigningMethodES256, "ec", ec, claims()), true},
		"RS256":                      {sign(t, jwt.SigningMethodRS256, "rsa", big2048, claims()), true},
		"RS384":                      {sign(t, jwt.SigningMethodRS384, "rsa", big2048, claims()), false},
		"a key to encrypt with":      {sign(t, jwt.SigningMethodRS256, "enc", big2048, claims()), false},
		"a weak key":                 {sign(t, jwt.SigningMethodRS256, "weak", big2048, claims()), false},
		"no point of the curve":      {sign(t, jwt.SigningMethodES256, "off", ec, claims()), false},
		"another's key":              {sign(t, jwt.SigningMethodEdDSA, "rsa", ed, claims()), false},
		"a secret of the set":        {sign(t, jwt.SigningMethodHS256, "oct", secret, claims()), false},
		"nobody":                     {sign(t, jwt.SigningMethodNone, "ed", jwt.UnsafeAllowNoneSignatureType, claims()), false},
		"a public key as the secret": {sign(t, jwt.SigningMethodHS256, "rsa", asSecret(t, big2048), claims()), false},
		"garbage":                    {"garbage", false},
	} {
		if _, err := s.Visitor(t.Context(), test.text); (err == nil) != test.ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := shop.asked.Load(); n != 1 {
		t.Errorf("the shop was asked %d times, want once", n)
	}
	h := New(options())
	if _, err := h.Visitor(t.Context(), sign(t, jwt.SigningMethodRS256, "rsa", big2048, claims())); !errors.Is(err, ErrInvalid) {
		t.Errorf("signed by a key where a secret is agreed on: %v", err)
	}
}

// asSecret is a public key as those who confuse methods have it: its PEM.
func asSecret(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// A key that is new is looked up once; while the shop is away its last keys hold.
func TestKeysChange(t *testing.T) {
	t.Parallel()
	old, oldJWK := edKey(t, "old")
	next, nextJWK := edKey(t, "next")
	shop := newShop(t, oldJWK)
	at := atomic.Pointer[time.Time]{}
	at.Store(&now)
	o := options()
	o.Secret, o.JWKS, o.Now = nil, shop.url, func() time.Time { return *at.Load() }
	later := func(d time.Duration) { next := at.Load().Add(d); at.Store(&next) }
	s := New(o)
	is := func(what string, want error, key ed25519.PrivateKey, id string) {
		t.Helper()
		_, err := s.Visitor(t.Context(), sign(t, jwt.SigningMethodEdDSA, id, key, claims(set("exp", at.Load().Add(time.Minute).Unix()))))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	asked := func(n int64) {
		t.Helper()
		if got := shop.asked.Load(); got != n {
			t.Errorf("the shop was asked %d times, want %d", got, n)
		}
	}
	shop.away.Store(true)
	is("nothing is known, and the shop redirects", ErrUnavailable, old, "old")
	shop.away.Store(false)
	is("it was asked a moment ago", ErrUnavailable, old, "old")
	asked(1)
	later(askAgain)
	is("it is back", nil, old, "old")
	asked(2)
	later(askAgain)
	is("a key that nobody has heard of", ErrInvalid, next, "next")
	is("and again", ErrInvalid, next, "next")
	asked(3)
	shop.keys.Store(&[]map[string]string{oldJWK, nextJWK})
	later(askAgain)
	is("a key that is new", nil, next, "next")
	asked(4)
	shop.away.Store(true)
	later(freshFor + time.Second)
	is("old keys, and the shop is away", nil, old, "old")
	_, _, _ = s.keys.asking.Do("", func() (any, error) { return nil, nil }) // until it was asked
	is("still", nil, next, "next")
	asked(5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	later(askAgain)
	if _, err := s.keys.find(ctx, "unknown", "EdDSA"); !errors.Is(err, ErrUnavailable) && !errors.Is(err, errUnknownKey) {
		t.Errorf("nobody waits any more: %v", err)
	}
}
