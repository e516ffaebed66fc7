package ticket

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func keyOf(fill string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(fill, ed25519.SeedSize)))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ours, other := keyOf("a"), keyOf("b")
	keys := map[string]ed25519.PublicKey{"one": ours.Public().(ed25519.PublicKey)}
	sign := func(message []byte) []byte { return ed25519.Sign(ours, message) }
	want := Ticket{Show: "demo", Seat: "A-1-2", Order: "01KAT5ZB0T6W3N9H5D8F2G7KQX"}
	good := want.Encode("one", sign)
	if got, err := Check(" "+good+"\n", keys); err != nil || got != want {
		t.Fatalf("a good ticket says %+v, %v", got, err)
	}

	parts := strings.Split(good, ".")
	says := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for name, c := range map[string]struct {
		code string
		want error
	}{
		"nothing":                {"", ErrNoTicket},
		"another kind":           {"fr1." + parts[1] + "." + parts[2], ErrNoTicket},
		"no signature":           {"frt1." + parts[1], ErrNoTicket},
		"an empty signature":     {"frt1." + parts[1] + ".", ErrForged},
		"not base64":             {"frt1.§." + parts[2], ErrNoTicket},
		"a bar more":             {"frt1." + says("one|demo|A-1-2|x|y") + "." + parts[2], ErrNoTicket},
		"another seat":           {"frt1." + says("one|demo|A-1-1|"+want.Order) + "." + parts[2], ErrForged},
		"another show":           {"frt1." + says("one|gala|A-1-2|"+want.Order) + "." + parts[2], ErrForged},
		"a key that we have not": {want.Encode("two", sign), ErrUnknownKey},
		"a key of somebody else": {want.Encode("one", func(m []byte) []byte { return ed25519.Sign(other, m) }), ErrForged},
		"one letter changed":     {good[:len(good)-3] + flip(good[len(good)-3]) + good[len(good)-2:], ErrForged},
	} {
		if got, err := Check(c.code, keys); !errors.Is(err, c.want) || got != (Ticket{}) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, c.want)
		}
	}
}

func flip(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

func TestKeys(t *testing.T) {
	t.Parallel()
	public := keyOf("a").Public().(ed25519.PublicKey)
	set, err := json.Marshal(map[string]any{"keys": []any{
		map[string]string{"kty": "RSA", "kid": "r", "n": "AQAB"},
		map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": base64.RawURLEncoding.EncodeToString(public)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Keys(set)
	if err != nil || len(keys) != 1 || !public.Equal(keys["one"]) {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	for _, bad := range []string{"", "[]", `{"keys":[]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"short","x":"AAAA"}]}`} {
		if keys, err := Keys([]byte(bad)); err == nil {
			t.Errorf("%s: %d keys", bad, len(keys))
		}
	}
}
