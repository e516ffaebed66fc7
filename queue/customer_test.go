package queue

import (
	"errors"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// Where a new place is for customers, nobody else gets one, and nobody loses the one they have.
func TestPlacesForCustomers(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, quick())
		g := h.gate()
		before := g.joins()
		strict := h.show
		strict.Rules.Identity, strict.RulesVersion = IdentityRequired, 2
		g.follow(strict)

		refused := func(what string, who Who) {
			t.Helper()
			if _, _, err := g.Join(t.Context(), who); !errors.Is(err, ErrCustomerRequired) {
				t.Errorf("%s: %v, want ErrCustomerRequired", what, err)
			}
		}
		refused("a stranger", newcomer())
		refused("somebody known by a cookie alone", Who{Visitor: NewVisitor()})
		kept := func(what string, who Who) {
			t.Helper()
			s, created, err := g.Join(t.Context(), who)
			if err != nil || created || s.Number != before.who.Token.Number {
				t.Errorf("%s: number %d, created %v, %v", what, s.Number, created, err)
			}
		}
		kept("who was there before", before.who)
		kept("who was there before, by the cookie", Who{Visitor: before.who.Visitor})
		customer := Who{Visitor: NewVisitor(), Customer: true}
		first, created, err := g.Join(t.Context(), customer)
		must(t, err)
		equal(t, created, true, "a new place")
		again, created, err := g.Join(t.Context(), customer)
		must(t, err)
		equal(t, created, false, "a new place from the second device")
		equal(t, again.Number, first.Number, "number there")
		_, err = g.Leave(t.Context(), before.who)
		must(t, err)
		refused("who has left", before.who)
	})
}

// The cookie of a customer is good until its time, and is no other cookie of ours.
func TestTheCookieOfACustomer(t *testing.T) {
	t.Parallel()
	keys, visitor, until := newKeys(t), NewVisitor(), time.Unix(1_764_000_000, 0)
	cookie := keys.SignCustomer(visitor, until)
	if got, ok := keys.Customer(cookie, until.Add(-time.Second)); !ok || got != visitor {
		t.Errorf("%q is %q, %v", cookie, got, ok)
	}
	for what, text := range map[string]string{
		"past its time": cookie, "cut": cookie[:len(cookie)-1], "nothing": "", "another's": newKeys(t).SignCustomer(visitor, until),
		"a visitor's": keys.SignVisitor(visitor, until.UnixMicro()), "changed": "A" + cookie,
	} {
		now := until.Add(-time.Hour)
		if what == "past its time" {
			now = until
		}
		if got, ok := keys.Customer(text, now); ok {
			t.Errorf("%s is %q", what, got)
		}
	}
}
