package queue

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

const shop = "https://shop.example"

func TestACodeCarriesAPlaceOnce(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		f := g.joins()
		now := time.Now()
		code := g.Code(*f.who.Token, shop, now)
		if strings.Contains(code, g.queue.keys.Token(*f.who.Token)[4:]) {
			t.Error("the code shows the token")
		}
		var redeemed, spent atomic.Int64
		var race sync.WaitGroup
		for range 8 {
			race.Go(func() {
				token, err := g.Redeem(t.Context(), code, shop, now)
				switch {
				case err == nil:
					redeemed.Add(1)
					equal(t, token, *f.who.Token, "token")
				case errors.Is(err, ErrCodeSpent):
					spent.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		race.Wait()
		equal(t, redeemed.Load(), 1, "redeemed")
		equal(t, spent.Load(), 7, "refused as spent")
		_, err := h.gate().Redeem(t.Context(), code, shop, now)
		equal(t, errors.Is(err, ErrCodeSpent), true, "at another gateway too")

		// What was spent is forgotten once it is of no use any more.
		later := now.Add(3 * CodeLifetime)
		_, err = g.Redeem(t.Context(), g.Code(*f.who.Token, shop, later), shop, later)
		must(t, err)
		n, err := g.redis.ZCard(t.Context(), codesKey(g.show)).Result()
		must(t, err)
		equal(t, n, 1, "codes remembered")
	})
}

func TestCodesThatAreRefused(t *testing.T) {
	t.Parallel()
	url := "redis://" + testenv.MiniRedis(t).Addr()
	h := newHouse(t, url, quick())
	g := h.gate()
	f := g.joins()
	now := time.Now()
	code := g.Code(*f.who.Token, shop, now)
	other := newHouse(t, url, quick())
	other.keys = h.keys
	strange := newHouse(t, url, quick()).gate()
	for name, test := range map[string]struct {
		room *gate
		code string
		at   string
		now  time.Time
	}{
		"another show":       {other.gate(), code, shop, now},
		"another secret":     {strange, code, shop, now},
		"another origin":     {g, code, "https://evil.example", now},
		"another scheme":     {g, code, "http://shop.example", now},
		"a minute later":     {g, code, shop, now.Add(CodeLifetime)},
		"changed":            {g, code[:len(code)-2] + "xx", shop, now},
		"cut off":            {g, code[:12], shop, now},
		"nothing":            {g, "", shop, now},
		"a token, no code":   {g, g.queue.keys.Token(*f.who.Token), shop, now},
		"too long":           {g, code + strings.Repeat("A", maxCode), shop, now},
		"not base64":         {g, codePrefix + "%%%", shop, now},
		"empty but for it":   {g, codePrefix, shop, now},
		"a nonce and no tag": {g, codePrefix + strings.Repeat("A", 16), shop, now},
	} {
		if _, err := test.room.Redeem(t.Context(), test.code, test.at, test.now); !errors.Is(err, ErrCodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := g.Redeem(t.Context(), code, shop, now.Add(CodeLifetime-time.Second))
	must(t, err)
}
