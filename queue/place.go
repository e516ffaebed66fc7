package queue

import (
	"context"
	"fmt"
	"time"
)

// Who asks about a place: a visitor, proved by the cookie, and the token and the
// admission that they brought, if any.
type Who struct {
	Visitor string
	New     bool   // made up for this request: nobody else knows of it
	Token   *Token // for this very show
	Pass    *Pass  // for this very show, and in its time
}

type joinAsk struct {
	visitor string
	fresh   bool
}

type joinAnswer struct {
	code                   string
	now, epoch, generation int64
	number                 int64
}

// Join gives the visitor a place at the end of the line, or says which one they
// have. created tells a new place. May return ErrClosed, ErrFull, or an
// UnavailableError.
func (r *Room) Join(ctx context.Context, who Who) (s Status, created bool, err error) {
	if who.Token != nil || who.Pass != nil {
		// A place that an older epoch lost comes back by its token, not at the end.
		s, err := r.Poll(ctx, who)
		if err == nil && (s.State == Waiting || s.State == Admitted) {
			if s.Token == "" {
				s.Token = r.queue.keys.Token(*who.Token)
			}
			return s, false, nil
		}
		if _, down := asUnavailable(err); down {
			return s, false, err
		}
	}
	a, err := r.join(ctx, joinAsk{who.Visitor, who.New})
	if err != nil {
		return s, false, err
	}
	switch a.code {
	case "joined":
		return r.joined(who.Visitor, a), true, nil
	case "known":
		s, err := r.Poll(ctx, Who{Visitor: who.Visitor})
		return s, false, err
	case "full":
		return s, false, ErrFull
	default:
		return s, false, ErrClosed
	}
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
		fresh := 0
		if ask.fresh {
			fresh = 1
		}
		args = append(args, ask.visitor, fresh)
	}
	a, err := r.run(ctx, "join", joinScript, args...)
	if err != nil {
		return nil, err
	}
	answers := make([]joinAnswer, len(asks))
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
func (r *Room) joined(visitor string, a joinAnswer) Status {
	t := Token{
		Show: r.show, Visitor: visitor, Number: a.number,
		Epoch: a.epoch, Generation: a.generation, Joined: seconds(a.now),
	}
	v := r.view.Load()
	if v == nil || v.epoch != a.epoch {
		v = &view{asOf: a.now, epoch: a.epoch, issued: a.number - 1, rules: r.rules.Load().Rules, recovering: a.now + 1}
	}
	s := r.waiting(v, t, v.behind(a.number))
	if s.ETA != nil {
		t.Low, t.High = int64(s.ETA.Low/time.Second), int64(s.ETA.High/time.Second)
	}
	s.Token = r.queue.keys.Token(t)
	return s
}

// Poll says how a place stands. Mostly the view answers; a visitor to whom
// something happened costs one script, and with it acts: who was called has shown
// up, who was away is back. May return ErrNoPlace, ErrPlaceExpired, or an
// UnavailableError.
func (r *Room) Poll(ctx context.Context, who Who) (Status, error) {
	v, err := r.fresh()
	if err != nil {
		return Status{}, err
	}
	t := who.Token
	if t != nil && t.Epoch > v.epoch {
		if v, err = r.refresh(ctx); err != nil {
			return Status{}, err
		}
		if t.Epoch > v.epoch {
			// We signed it, so that epoch was open: Redis has gone back behind it.
			r.demand(t.Epoch)
			r.poke()
			return Status{}, unavailable("poll", errLost)
		}
	}
	if t == nil {
		return r.resolve(ctx, v, who)
	}
	if t.Generation != v.generation {
		return Status{}, ErrPlaceExpired
	}
	if r.endedAt.Load() >= v.taken.UnixNano() && r.isFinal(v.epoch, *t) {
		return r.resolve(ctx, v, who)
	}
	if position, ok := v.line.position(t.Number); ok {
		// A number has one holder for good, so the epoch of the token does not matter.
		r.marks.mark(t.Number)
		s := r.waiting(v, *t, v.returned+position)
		if t.Epoch != v.epoch {
			renewed := *t
			renewed.Epoch, renewed.AdmittedUntil, renewed.MaxUntil = v.epoch, 0, 0
			s.Token = r.queue.keys.Token(renewed)
		}
		return s, nil
	}
	if t.Epoch == v.epoch && t.Number > v.issued {
		r.marks.mark(t.Number)
		r.sawAhead(t.Epoch, t.Number)
		return r.waiting(v, *t, v.behind(t.Number)), nil
	}
	return r.resolve(ctx, v, who)
}

func (r *Room) isFinal(epoch int64, t Token) bool {
	_, final := r.finals.get(epoch, placeID{t.Visitor, t.Number})
	return final
}

// waiting makes the status of somebody who waits and is there.
func (r *Room) waiting(v *view, t Token, position int64) Status {
	s := Status{
		Show: r.show, State: Waiting, Visitor: t.Visitor, Number: t.Number,
		Position: position, InLine: max(v.waiting, position), AsOf: timeOf(v.asOf), Message: v.message,
	}
	if v.phase == Open && !v.isRecovering() {
		s.ETA = eta(position, v.rules, r.pace.rate())
	}
	s.PollAfter = pollAfter(s.ETA, position, v.rules)
	return s
}

type resolveAsk struct {
	visitor                   string
	number, epoch, until, max int64
	joined, foreLow, foreHigh int64
}

type resolved struct {
	state          string
	number, detail int64
	max            int64
	now, epoch     int64
	generation     int64
}

// resolve asks Redis what became of somebody, and acts on it.
func (r *Room) resolve(ctx context.Context, v *view, who Who) (Status, error) {
	ask := resolveAsk{visitor: who.Visitor, epoch: v.epoch}
	var t Token
	if who.Token != nil {
		t = *who.Token
		ask = resolveAsk{
			visitor: t.Visitor, number: t.Number, epoch: t.Epoch, until: micros(t.AdmittedUntil), max: micros(t.MaxUntil),
			joined: micros(t.Joined), foreLow: micros(t.Low), foreHigh: micros(t.High),
		}
	}
	if p := who.Pass; p != nil && (ask.number == 0 || ask.number == p.Number) {
		ask.number = p.Number
		ask.until = max(ask.until, p.Expires.UnixMicro())
		if v.isYoungerThan(*p) {
			ask.epoch = min(ask.epoch, v.epoch-1)
		}
	}
	id := placeID{ask.visitor, ask.number}
	if state, ok := r.finals.get(v.epoch, id); ok && ask.number > 0 {
		return Status{Show: r.show, State: state, Visitor: ask.visitor, Number: ask.number, AsOf: timeOf(v.asOf), Message: v.message}, nil
	}
	a, err := r.finds.Do(ctx, ask)
	if err != nil {
		return Status{}, err
	}
	t.Show, t.Visitor, t.Generation = r.show, ask.visitor, a.generation
	return r.status(v, t, a)
}

// status turns what resolve said into what the visitor is told. t is their token,
// as far as they had one.
func (r *Room) status(v *view, t Token, a resolved) (Status, error) {
	renewed := t
	renewed.Number, renewed.Epoch, renewed.AdmittedUntil, renewed.MaxUntil = a.number, a.epoch, 0, 0
	var s Status
	switch a.state {
	case "waiting":
		position := a.detail
		if position == 0 {
			r.marks.mark(a.number)
			position = v.behind(a.number)
		}
		s = r.waiting(v, renewed, position)
	case "admitted":
		s = Status{State: Admitted, Until: timeOf(a.detail), PollAfter: insidePoll(v.rules)}
		renewed.AdmittedUntil, renewed.MaxUntil = seconds(a.detail), seconds(a.max)
	case "finished", "expired":
		s = Status{State: State(a.state)}
		r.finals.put(a.epoch, placeID{t.Visitor, a.number}, s.State)
	case "none":
		return Status{}, ErrNoPlace
	case "older":
		return Status{}, ErrPlaceExpired
	default:
		r.sawAhead(a.epoch, a.number)
		r.poke()
		return Status{}, unavailable("resolve", errLost)
	}
	s.Show, s.Visitor, s.Number, s.Message = r.show, t.Visitor, a.number, v.message
	if s.AsOf.IsZero() {
		s.AsOf = timeOf(a.now)
	}
	if renewed != t {
		s.Token = r.queue.keys.Token(renewed)
	}
	return s, nil
}

func (r *Room) askResolves(ctx context.Context, asks []resolveAsk) ([]resolved, error) {
	args := make([]any, 0, 8*len(asks))
	for _, ask := range asks {
		args = append(args, ask.visitor, ask.number, ask.epoch, ask.until, ask.max, ask.joined, ask.foreLow, ask.foreHigh)
	}
	a, err := r.run(ctx, "resolve", resolveScript, args...)
	if err != nil {
		return nil, err
	}
	if len(a.rest) != 1+4*len(asks) {
		return nil, fmt.Errorf("resolve answered %d values for %d visitors", len(a.rest), len(asks))
	}
	answers := make([]resolved, len(asks))
	generation, _ := a.rest[0].(int64)
	for i := range answers {
		state, _ := a.rest[1+4*i].(string)
		number, _ := a.rest[2+4*i].(int64)
		detail, _ := a.rest[3+4*i].(int64)
		most, _ := a.rest[4+4*i].(int64)
		answers[i] = resolved{state: state, number: number, detail: detail, max: most, now: a.now, epoch: a.epoch, generation: generation}
	}
	return answers, nil
}

// Leave gives the visitor's place up; false says that there was none.
// May return an UnavailableError.
func (r *Room) Leave(ctx context.Context, who Who) (bool, error) {
	var number int64
	if who.Token != nil {
		number = who.Token.Number
	}
	return r.end(ctx, who.Visitor, number, "left")
}

// Finish ends the admission of a visitor who has bought. Asking again changes
// nothing, and an admission under another number stays.
func (r *Room) Finish(ctx context.Context, visitor string, number int64) error {
	_, err := r.end(ctx, visitor, number, "finished")
	return err
}

func (r *Room) end(ctx context.Context, visitor string, number int64, why string) (bool, error) {
	a, err := r.run(ctx, "finish", finishScript, visitor, number, why)
	if err != nil {
		return false, err
	}
	ended, _ := a.rest[0].(int64)
	if ended == 0 {
		return false, nil
	}
	// The view may show them waiting for a second more: they are told better.
	r.finals.put(a.epoch, placeID{visitor, ended}, Finished)
	r.endedAt.Store(time.Now().UnixNano())
	return true, nil
}
