package queue

import (
	"strings"
	"testing"
	"time"
)

func TestASessionSpeaksForItsOperator(t *testing.T) {
	t.Parallel()
	old, fresh := secret(), secret()
	ring := func(secrets ...string) *Keyring {
		r, err := NewKeyring(strings.Join(secrets, ","))
		must(t, err)
		return r
	}
	until := time.Unix(2_000_000_000, 0)
	session := ring(old).Session("jiyeon", "the admin token", until)
	body, mac, _ := strings.Cut(session, ".")
	longer := ring(old).Session("jiyeon", "another token", until.Add(time.Hour))
	later, _, _ := strings.Cut(longer, ".")
	for name, c := range map[string]struct {
		ring           *Keyring
		session, admin string
		now            time.Time
		ok             bool
	}{
		"in its time":                {ring(old), session, "the admin token", until.Add(-time.Second), true},
		"at its end":                 {ring(old), session, "the admin token", until, false},
		"after it":                   {ring(old), session, "the admin token", until.Add(time.Hour), false},
		"the token is another now":   {ring(old), session, "the admin token.", until.Add(-time.Second), false},
		"the secret is second now":   {ring(fresh, old), session, "the admin token", until.Add(-time.Second), true},
		"the secret is another":      {ring(fresh), session, "the admin token", until.Add(-time.Second), false},
		"a longer time, forged":      {ring(old), later + "." + mac, "the admin token", until, false},
		"without its proof":          {ring(old), body, "the admin token", until.Add(-time.Second), false},
		"with an empty one":          {ring(old), body + ".", "the admin token", until.Add(-time.Second), false},
		"a visitor's cookie":         {ring(old), ring(old).SignVisitor(NewVisitor(), 0), "the admin token", until, false},
		"nothing":                    {ring(old), "", "the admin token", until, false},
		"a dot":                      {ring(old), ".", "the admin token", until, false},
		"another letter in the name": {ring(old), "A" + session[1:], "the admin token", until.Add(-time.Second), false},
	} {
		operator, ok := c.ring.Operator(c.session, c.admin, c.now)
		if ok != c.ok || ok && operator != "jiyeon" {
			t.Errorf("%s: %q, %v", name, operator, ok)
		}
	}
}
