package queue

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

type joinAsk struct {
	visitor string
	fresh   bool
	from    netip.Addr // invalid: not known
	proof   proof      // zero: none
}

type joinAnswer struct {
	code                   string
	now, epoch, generation int64
	number                 int64
}

// Join gives the visitor a place at the end of the line, or before a draw one in the
// lobby, or says which one they have. created tells a new place. May return ErrClosed,
// ErrFull, ErrSoldOut, ErrCustomerRequired, a TooManyError, what is wrong with the proof of work, or an UnavailableError.
func (r *Room) Join(ctx context.Context, who Who) (s Status, created bool, err error) {
	v := r.view.Load()
	gathers := v != nil && v.gathers() // then the token proves no more than the cookie does
	if r.rules.Load().Draw != nil && (v == nil || gathers && !r.isCommitted(v.generation)) {
		return s, false, unavailable("join", errUncommitted)
	}
	if !gathers && (who.Token != nil || who.Pass != nil) {
		// A place that an older epoch lost comes back by its token, not at the end.
		s, err := r.Poll(ctx, who)
		if v := r.view.Load(); err == nil && s.isInLine() && who.Token != nil && v != nil {
			// The view may be from before they left through another gateway.
			s, err = r.resolve(ctx, v, who)
		}
		if err == nil && (s.isInLine() || s.State == Admitted || s.State == Gathers) {
			if s.Token == "" {
				s.Token = r.queue.keys.Token(*who.Token)
			}
			return s, false, nil
		}
		if _, down := asUnavailable(err); down || isTooMany(err) {
			return s, false, err
		}
	}
	if v != nil && v.isSoldOut() {
		s, err := r.placeOf(ctx, who, ErrSoldOut)
		return s, false, err
	}
	return r.newPlace(ctx, v, who)
}

// newPlace gives somebody a place who has none, as far as they show.
func (r *Room) newPlace(ctx context.Context, v *view, who Who) (s Status, created bool, err error) {
	if !who.Customer && r.Identity() == IdentityRequired {
		s, err := r.placeOf(ctx, who, ErrCustomerRequired)
		return s, false, err
	}
	ask := joinAsk{visitor: who.Visitor, fresh: who.New, from: who.From}
	wrong := error(nil)
	if who.Proof != "" {
		ask.proof, wrong = r.queue.keys.solved(r.show, who.Proof)
	}
	rules := r.rules.Load().RulesVersion
	if who.New && who.From.IsValid() {
		if wait := r.turned.wait(rules, who.From); wait > 0 {
			return s, false, &TooManyError{RetryAfter: wait}
		}
	}
	a, err := r.join(ctx, ask)
	if err == nil && a.code == "known" {
		// Only now is it a replay: somebody whom a cookie made known before they joined
		// costs no more than somebody who has none.
		s, err = r.Poll(ctx, Who{Visitor: who.Visitor, Since: who.Since, Unproven: who.Unproven})
		if !errors.Is(err, ErrNoPlace) {
			return s, false, err
		}
		a, err = r.join(ctx, ask) // their place ended meanwhile, or Redis lost it
	}
	if err != nil {
		return s, false, err
	}
	switch a.code {
	case "joined":
		return r.joined(who, a), true, nil
	case "gathers", "lobby":
		if a.code == "lobby" {
			if err := who.unproven(); err != nil {
				return s, false, err
			}
		}
		t := Token{
			Show: r.show, Visitor: who.Visitor, Epoch: a.epoch, Generation: a.generation, Joined: seconds(a.now), Since: who.Since,
		}
		s := r.gathered(v, t)
		s.Token = r.queue.keys.Token(t)
		return s, a.code == "gathers", nil
	case "known":
		return s, false, unavailable("join", errLost)
	case "full":
		return s, false, ErrFull
	case "limited":
		wait := time.Duration(a.number) * time.Microsecond
		r.turned.put(rules, who.From, wait)
		return s, false, &TooManyError{RetryAfter: wait}
	case "unproved":
		if wrong != nil {
			return s, false, wrong
		}
		return s, false, ErrProofRequired
	case "stale":
		return s, false, ErrProofInvalid
	case "spent":
		return s, false, ErrProofSpent
	default:
		return s, false, ErrClosed
	}
}

// placeOf is the place of somebody who would join and may not: it returns `none` where there is
// none. Who has just come costs Redis nothing.
func (r *Room) placeOf(ctx context.Context, who Who, none error) (Status, error) {
	if who.New {
		return Status{}, none
	}
	s, err := r.Poll(ctx, Who{Visitor: who.Visitor, Since: who.Since, Unproven: who.Unproven})
	if errors.Is(err, ErrNoPlace) || err == nil && (s.State == Finished || s.State == Expired) {
		return Status{}, none
	}
	return s, err
}

// join asks until the numbers reserved suffice.
func (r *Room) join(ctx context.Context, ask joinAsk) (joinAnswer, error) {
	for range 5 {
		a, err := r.joins.Do(ctx, ask)
		if err != nil || a.code != "ceiling" {
			return a, err
		}
		if err := r.reserve(ctx, a.epoch); err != nil {
			return a, err
		}
	}
	return joinAnswer{}, unavailable("join", fmt.Errorf("no numbers left under the ceiling"))
}

func (r *Room) askJoins(ctx context.Context, asks []joinAsk) ([]joinAnswer, error) {
	args := make([]any, 0, 2*len(asks))
	for _, ask := range asks {
		args = append(args, ask.visitor, ask.flags())
	}
	known, err := r.stamp(ctx)
	if err == nil {
		err = r.makesSure(ctx, "join", known.epoch) // lest places are given that nobody is told of
	}
	if err != nil {
		return nil, err
	}
	a, err := r.run(ctx, "join", joinScript, args...)
	if err != nil {
		return nil, err
	}
	if err := r.makesSure(ctx, "join", a.epoch); err != nil {
		return nil, err
	}
	if v := r.view.Load(); v != nil && v.epoch < a.epoch {
		_, _ = r.refresh(ctx) // else their positions could not be told; without, they are in line all the same
	}
	answers := make([]joinAnswer, len(asks))
	if len(a.rest) == 3 && a.rest[1] == "all" {
		generation, _ := a.rest[0].(int64)
		last, _ := a.rest[2].(int64)
		for i := range answers {
			number := last - int64(len(asks)-1-i)
			answers[i] = joinAnswer{code: "joined", number: number, now: a.now, epoch: a.epoch, generation: generation}
		}
		return answers, nil
	}
	if len(a.rest) != 1+2*len(asks) {
		return nil, fmt.Errorf("join answered %d values for %d visitors", len(a.rest), len(asks))
	}
	generation, _ := a.rest[0].(int64)
	for i := range answers {
		code, _ := a.rest[1+2*i].(string)
		number, _ := a.rest[2+2*i].(int64)
		answers[i] = joinAnswer{code: code, number: number, now: a.now, epoch: a.epoch, generation: generation}
	}
	return answers, nil
}

// joined is the status of a place just given: everybody present is ahead, and who
// joined since the view was taken.
func (r *Room) joined(who Who, a joinAnswer) Status {
	t := Token{
		Show: r.show, Visitor: who.Visitor, Number: a.number,
		Epoch: a.epoch, Generation: a.generation, Joined: seconds(a.now), Since: who.Since,
	}
	v := r.view.Load()
	if v == nil || v.epoch != a.epoch {
		v = &view{asOf: a.now, epoch: a.epoch, issued: a.number - 1, rules: r.rules.Load().Rules, recovering: a.now + 1}
	}
	position, known := v.line.position(a.number)
	if position += v.ahead(); !known {
		position = v.behind(a.number)
	}
	s := r.waiting(v, t, position)
	if s.ETA != nil {
		t.foretell(t.Joined, *s.ETA)
	}
	s.Token = r.queue.keys.Token(t)
	return s
}
