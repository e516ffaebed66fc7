package queue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"
)

func TestTokensSurviveTheTrip(t *testing.T) {
	t.Parallel()
	ring := newKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) int64 { return rapid.Int64Range(0, 1<<52).Draw(t, name) }
		want := Token{
			Show: rapid.StringMatching(`[a-z0-9-]{1,40}`).Draw(t, "show"), Visitor: NewVisitor(),
			Number: number("number"), Epoch: number("epoch"), Generation: number("generation"),
			Joined: number("joined"), AdmittedUntil: number("until"), MaxUntil: number("max"), Low: number("low"), High: number("high"), Since: number("since"),
		}
		text := ring.Token(want)
		got, err := ring.ParseToken(text)
		if err != nil || got != want {
			t.Fatalf("got %+v (%v), want %+v", got, err, want)
		}
	})
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	ring := newKeys(t)
	good := ring.Token(Token{Show: "demo", Visitor: NewVisitor(), Number: 7, Epoch: 1, Generation: 1})
	if len(good) > 88 {
		t.Errorf("a token has %d characters: it rides on every poll", len(good))
	}
	for at := len(tokenPrefix); at < len(good); at++ {
		for _, letter := range []byte("AZaz09-_") {
			forged := good[:at] + string(letter) + good[at+1:]
			if forged == good {
				continue
			}
			if _, err := ring.ParseToken(forged); !errors.Is(err, ErrTokenInvalid) {
				t.Fatalf("changed at %d: %v", at, err)
			}
		}
	}
	for at := range good {
		if _, err := ring.ParseToken(good[:at]); !errors.Is(err, ErrTokenInvalid) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
	for _, text := range []string{good + "A", good + "=", "", "fr1.", strings.Repeat("fr1.", 100), newKeys(t).Token(Token{Visitor: NewVisitor()})} {
		if _, err := ring.ParseToken(text); !errors.Is(err, ErrTokenInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	older, newer := secret(), secret()
	first, err := NewKeyring(older)
	must(t, err)
	both, err := NewKeyring(newer + "," + older)
	must(t, err)
	second, err := NewKeyring(newer)
	must(t, err)
	visitor := NewVisitor()
	now := time.Now()
	for name, try := range map[string]func(sign, verify *Keyring) error{
		"token": func(sign, verify *Keyring) error {
			_, err := verify.ParseToken(sign.Token(Token{Show: "demo", Visitor: visitor}))
			return err
		},
		"cookie": func(sign, verify *Keyring) error {
			if got, since, ok := verify.Visitor(sign.SignVisitor(visitor, 7)); !ok || got != visitor || since != 7 {
				return errors.New("refused")
			}
			return nil
		},
		"pass": func(sign, verify *Keyring) error {
			text, err := sign.Pass(Pass{Visitor: visitor, Show: "demo", Issued: now, Expires: now.Add(PassLifetime)})
			must(t, err)
			_, err = verify.ParsePass(text, now)
			return err
		},
	} {
		if err := try(first, both); err != nil {
			t.Errorf("%s of the old secret after the rotation: %v", name, err)
		}
		if err := try(both, second); err != nil {
			t.Errorf("%s: the first secret signs: %v", name, err)
		}
		if err := try(first, second); err == nil {
			t.Errorf("%s of a secret that was dropped is believed", name)
		}
	}
	equal(t, len(both.JWKS()), 2, "keys in JWKS")
}

func TestSecretsNeed32Bytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "secret 1: has 0 bytes",
		"not base64!":                    "is not base64",
		secret()[:40]:                    "needs 32",
		secret() + ",c2hvcnQ=":           "secret 2: has 5 bytes",
		strings.TrimRight(secret(), "="): "",
	} {
		_, err := NewKeyring(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestPasses(t *testing.T) {
	t.Parallel()
	ring := newKeys(t)
	now := time.Unix(1_800_000_000, 0)
	want := Pass{Issuer: "https://tickets.example", Visitor: NewVisitor(), Show: "demo", Number: 7, Since: 1_800_000_000_000_000, Issued: now, Expires: now.Add(PassLifetime)}
	text, err := ring.Pass(want)
	must(t, err)
	got, err := ring.ParsePass(text, now)
	must(t, err)
	got.Issued, got.Expires = got.Issued.Local(), got.Expires.Local()
	equal(t, got, want, "pass")
	_, err = ring.ParsePass(text, now.Add(PassLifetime))
	equal(t, err, nil, "at its last second")
	_, err = ring.ParsePass(text, now.Add(PassLifetime+2*time.Second))
	equal(t, errors.Is(err, ErrPassExpired), true, "past its time")

	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, passClaims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: want.Visitor, Audience: []string{"demo"}, ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute))},
	}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	must(t, err)
	parts := strings.Split(text, ".")
	for name, forged := range map[string]string{
		"no algorithm":      unsigned,
		"another's":         func() string { p, _ := newKeys(t).Pass(want); return p }(),
		"without signature": parts[0] + "." + parts[1] + ".",
		"tampered":          parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2],
		"not a JWT":         "fr1.x",
		"nothing":           "",
		"truncated":         text[:len(text)-1],
	} {
		if _, err := ring.ParsePass(forged, now); !errors.Is(err, ErrPassInvalid) {
			t.Errorf("%s: %v, want ErrPassInvalid", name, err)
		}
	}
}

func TestVisitorCookies(t *testing.T) {
	t.Parallel()
	ring := newKeys(t)
	visitor := NewVisitor()
	moved := ring.SignVisitor(visitor, 1_800_000_000_000_000)
	got, since, ok := ring.Visitor(moved)
	equal(t, ok && got == visitor && since == 1_800_000_000_000_000, true, "one who moved")
	cookie := ring.SignVisitor(visitor, 0)
	for _, forged := range []string{
		moved[:visitorChars] + moved[strings.LastIndexByte(moved, '.'):], strings.Replace(moved, ".", ".1", 1), cookie[:visitorChars] + ".1" + cookie[visitorChars:],
		"", ".", visitor, visitor + ".", cookie[:len(cookie)-1], cookie + "A", NewVisitor() + cookie[visitorChars:],
		strings.Replace(cookie, ".", "x", 1),
	} {
		if _, _, ok := ring.Visitor(forged); ok {
			t.Errorf("%q is believed", forged)
		}
	}
}

// A form proves its own visitor alone, under any of the secrets, and is not the cookie.
func TestAFormProvesOneVisitor(t *testing.T) {
	t.Parallel()
	old, next := strings.Repeat("b2xk", 12), strings.Repeat("bmV4", 12)
	ring, err := NewKeyring(old)
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := NewKeyring(next + "," + old)
	if err != nil {
		t.Fatal(err)
	}
	visitor, other := NewVisitor(), NewVisitor()
	form := ring.Form(visitor)
	equal(t, ring.IsForm(visitor, form), true, "its own")
	equal(t, rotated.IsForm(visitor, form), true, "after a rotation")
	equal(t, ring.IsForm(visitor, rotated.Form(visitor)), false, "by a secret that is not known")
	equal(t, ring.IsForm(other, form), false, "somebody else's")
	equal(t, ring.IsForm(visitor, ""), false, "none")
	equal(t, ring.IsForm(visitor, form[1:]), false, "cut")
	_, mac, _ := strings.Cut(ring.SignVisitor(visitor, 0), ".")
	equal(t, ring.IsForm(visitor, mac), false, "what the cookie says")
}
