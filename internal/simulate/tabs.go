package simulate

import (
	"context"
	"net/http"
	"sync"

	"frontrow/internal/invariant"
)

// inTabs has every tab send a request at once, and returns the answers.
func (v *visitor) inTabs(ctx context.Context, r func(tab int) request) ([]answer, error) {
	answers := make([]answer, v.tabs)
	errs := make([]error, v.tabs)
	var tabs sync.WaitGroup
	for i := range answers {
		tabs.Go(func() {
			home := v.home + i // a tab knows nothing of which gateway another talks to
			r := r(i)
			r.waits = v.reached <= waits
			answers[i], errs[i] = v.run.gateways.do(ctx, &home, r)
		})
	}
	tabs.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// joinFromTabs opens the page, which says who the browser is, and then has all tabs
// join at once: one place comes of it.
func (v *visitor) joinFromTabs(ctx context.Context) (s status, err error) {
	v.cookies = &cookies{}
	a, err := v.ask(ctx, request{method: http.MethodGet, path: v.queue(), cookies: v.cookies})
	if err != nil {
		return s, err
	}
	if a.problem() != "token_required" {
		v.run.witness.surprise("poll without a place", a)
	}
	answers, err := v.inTabs(ctx, func(int) request {
		return request{method: http.MethodPost, path: v.queue(), cookies: v.cookies}
	})
	if err != nil {
		return s, err
	}
	places := 0
	for _, a := range answers {
		if a.status == http.StatusCreated {
			places++
		}
		if a.status != http.StatusCreated && a.status != http.StatusOK || a.into(&s) != nil || s.Token == "" {
			return s, v.turnedAway(a)
		}
		v.tokens = append(v.tokens, s.Token)
		if v.heard.IsZero() || a.sent.Before(v.heard) {
			v.heard = a.sent
		}
	}
	v.run.witness.sees(invariant.OnePlace)
	if places > 1 {
		v.run.witness.broken(invariant.OnePlace, "visitor %d was given %d places from %d tabs", v.id, places, v.tabs)
	}
	return s, nil
}

// payInTabs pays in all tabs at once, under one key in all but the last, and looks
// whether one order came of it. It returns the answer that told the order, and the key
// that got it; where no tab was told of one, why not.
func (v *visitor) payInTabs(ctx context.Context, pay request) (answer, string, error) {
	keyOf := func(tab int) string {
		if tab == v.tabs-1 {
			return pay.key + "-again"
		}
		return pay.key
	}
	answers, err := v.inTabs(ctx, func(tab int) request {
		r := pay
		r.key = keyOf(tab)
		return r
	})
	if err != nil {
		return answer{}, "", err
	}
	won := -1
	for tab, a := range answers {
		var o, first order
		switch code := a.problem(); {
		case a.status == http.StatusCreated && a.into(&o) == nil:
			if won < 0 {
				won = tab
			} else if answers[won].into(&first) == nil && first.Order != o.Order {
				v.run.witness.broken(invariant.MoneyBalances, "visitor %d paid in %d tabs, and got orders %s and %s", v.id, v.tabs, first.Order, o.Order)
			}
		case code == "already_paid", code == "hold_expired", code == "pass_expired": // as who comes second is told
		default:
			v.run.witness.surprise("pay in tabs", a)
		}
	}
	v.run.witness.sees(invariant.MoneyBalances)
	won = max(won, 0)
	return answers[won], keyOf(won), nil
}
