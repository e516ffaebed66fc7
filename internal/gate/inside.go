package gate

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"frontrow/queue"
)

// place names an admission, as one device holds it: since is when the visitor moved there.
type place struct {
	show, visitor string
	number, since int64
}

// belief is what the gate has last been told of somebody inside.
type belief struct {
	fact   atomic.Pointer[fact]
	asking atomic.Bool // one request asks for all
}

type fact struct {
	at    time.Time // when Redis said so
	until time.Time // when the admission ends
	pass  string
}

const (
	// believed is how long somebody is taken for inside without asking again.
	believed = 10 * time.Second
	// patience is how much longer, while another request of theirs is asking.
	patience = 3 * time.Second
)

// holds tells whether the fact still may be believed for so long.
func (f *fact) holds(now time.Time, long time.Duration) bool {
	return f != nil && now.Before(f.until) && now.Before(f.at.Add(long))
}

// identify finds out who asks: by a token or a pass as `Authorization: Bearer`, else by the
// cookie of the shop's host. What is not ours there is the shop's own. A device whose visitor
// has moved on to another comes as if for the first time.
func (g *Gate) identify(a asked) queue.Who {
	who, ok := g.believe(a)
	if !ok || g.HasMoved(who.Visitor, who.Since) {
		who = queue.Who{Visitor: queue.NewVisitor(), New: true}
	}
	who.From = a.From
	return who
}

// believe is who a request proves to come from; false: it proves nothing.
func (g *Gate) believe(a asked) (queue.Who, bool) {
	show := a.route.Show
	if text, ok := strings.CutPrefix(a.Header.Get("Authorization"), "Bearer "); ok {
		if t, err := g.Keys.ParseToken(text); err == nil && t.Show == show {
			return queue.Who{Visitor: t.Visitor, Since: t.Since, Token: &t}, true
		} else if !queue.IsToken(text) {
			if p, err := g.Keys.ParsePass(text, a.now); err == nil && p.Show == show {
				return queue.Who{Visitor: p.Visitor, Since: p.Since, Pass: &p}, true
			}
		}
	}
	if t, err := g.Keys.ParseToken(cookieOf(a.Header, placeCookie+show)); err == nil && t.Show == show {
		return queue.Who{Visitor: t.Visitor, Since: t.Since, Token: &t}, true
	}
	visitor, since, ok := g.Keys.Visitor(cookieOf(a.Header, visitorCookie))
	return queue.Who{Visitor: visitor, Since: since}, ok
}

// holder decides about somebody who shows a place; over: it has ended, and they are
// newcomers.
func (g *Gate) holder(ctx context.Context, room *queue.Room, a asked, who queue.Who) (v Verdict, over bool) {
	at := place{show: a.route.Show, visitor: who.Visitor, since: who.Since}
	if who.Token != nil {
		at.number = who.Token.Number
	} else {
		at.number = who.Pass.Number
	}
	b, known := g.beliefs.Get(at)
	var f *fact
	if known {
		f = b.fact.Load()
		if f.holds(a.now, believed) || f.holds(a.now, believed+patience) && !b.asking.CompareAndSwap(false, true) {
			return g.inside(a, at, f), false
		}
		defer b.asking.Store(false)
	}
	s, err := room.Poll(ctx, who)
	var many *queue.TooManyError
	switch {
	case errors.As(err, &many):
		return Verdict{Decision: Refused, Route: a.route, Refusal: tooMany.with(nil, many.RetryAfter)}, false
	case isAway(err):
		if until := admittedUntil(who); f == nil && a.now.Before(until) {
			f = &fact{until: until, pass: g.sign(at, a.now, until)}
		}
		return g.isAway(a, &shown{at, f}, err), false
	}
	g.away.isBack(a.route.Show)
	if err == nil && s.State == queue.Admitted {
		return g.admitted(a, s, who, Inside), false
	}
	g.beliefs.Remove(at)
	if err != nil || s.State == queue.Finished || s.State == queue.Expired {
		return v, true
	}
	return g.wait(a, s), false
}

// admitted notes that somebody is inside, and lets them through.
func (g *Gate) admitted(a asked, s queue.Status, who queue.Who, decision Decision) Verdict {
	at := place{s.Show, s.Visitor, s.Number, s.Since}
	f := &fact{at: a.now, until: s.Until, pass: g.sign(at, a.now, s.Until)}
	b := &belief{}
	b.fact.Store(f)
	if old, known, _ := g.beliefs.PeekOrAdd(at, b); known {
		old.fact.Store(f)
	}
	v := g.inside(a, at, f)
	v.Decision = decision
	if s.Token != "" && who.Pass == nil && !isBearer(a) {
		v.Cookie = g.cookie(a, s.Token)
	}
	return v
}

// sign makes a pass that does not outlive the admission; empty: it cannot be signed.
func (g *Gate) sign(at place, now, until time.Time) string {
	expires := now.Add(queue.PassLifetime)
	if until.Before(expires) {
		expires = until
	}
	pass, err := g.Keys.Pass(queue.Pass{
		Issuer: g.PublicURL, Visitor: at.visitor, Since: at.since, Show: at.show, Number: at.number, Issued: now, Expires: expires,
	})
	if err != nil {
		g.Logger.Error("a pass cannot be signed", "error", err)
	}
	return pass
}

// inside lets somebody through who is inside, but for a code that they bring all the same:
// the address that they stay on must not carry one.
func (g *Gate) inside(a asked, at place, f *fact) Verdict {
	if a.isRead() && a.url.Query().Has(codeParam) {
		return Verdict{Decision: Redeem, Route: a.route, Location: a.withoutCode()}
	}
	return Verdict{Decision: Inside, Route: a.route, Pass: true, Visitor: at.visitor, Number: at.number, Since: at.since, Proof: f.pass}
}

// End ends the admission of a verdict's visitor, as the shop asked for.
func (g *Gate) End(ctx context.Context, v Verdict) error {
	if v.Visitor == "" {
		return nil
	}
	g.beliefs.Remove(place{v.Show(), v.Visitor, v.Number, v.Since})
	room, err := g.Room(v.Show())
	if err != nil {
		return err
	}
	return room.Finish(ctx, v.Visitor, v.Number)
}

// admittedUntil is how long what somebody shows proves that they are inside.
func admittedUntil(who queue.Who) time.Time {
	if who.Token != nil {
		return time.Unix(who.Token.AdmittedUntil, 0)
	}
	return who.Pass.Expires
}

func isBearer(a asked) bool {
	return strings.HasPrefix(a.Header.Get("Authorization"), "Bearer fr1.")
}
