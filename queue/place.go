package queue

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Who asks about a place: a visitor, proved by the cookie, and the token and the
// admission that they brought, if any.
type Who struct {
	Visitor string
	Since   int64 // when they moved to the device that asks (us); 0: they never did
	// Customer tells that a shop says who they are.
	Customer bool
	New      bool   // made up for this request: nobody else knows of it
	Token    *Token // for this very show
	Pass     *Pass  // for this very show, and in its time

	// Where a join comes from, and the proof of work that it brings; may be missing.
	From  netip.Addr
	Proof string

	// Unproven is asked before Redis is for somebody whom no token or pass speaks for;
	// what it returns is the answer then. nil: nobody minds.
	Unproven func() error
}

func (w Who) unproven() error {
	if w.Unproven == nil {
		return nil
	}
	return w.Unproven()
}

// Poll says how a place stands. Mostly the view answers; a visitor to whom
// something happened costs one script, and with it acts: who was called has shown
// up, who was away is back. May return ErrNoPlace, ErrPlaceExpired, a TooManyError
// when it is asked far too often, or an UnavailableError.
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
		if who.Pass == nil {
			err = who.unproven()
		}
		if err != nil {
			return Status{}, err
		}
		return r.resolve(ctx, v, who)
	}
	if t.Generation != v.generation {
		return Status{}, ErrPlaceExpired
	}
	if t.Number == 0 {
		return r.pollLobby(ctx, v, who)
	}
	return r.pollLine(ctx, v, who)
}

// pollLine says how the place stands that a token with a number proves.
func (r *Room) pollLine(ctx context.Context, v *view, who Who) (Status, error) {
	t := who.Token
	if r.endedAt.Load() >= v.taken.UnixNano() && r.isFinal(v.epoch, *t) {
		return r.resolve(ctx, v, who)
	}
	if position, ok := v.line.position(t.Number); ok {
		// A number has one holder for good, so the epoch of the token does not matter.
		r.marks.mark(t.Number)
		if err := r.haste.note(t.Number, v); err != nil {
			return Status{}, err
		}
		s := r.waiting(v, *t, v.ahead()+position)
		if untold := t.High == 0 && t.Joined > 0 && s.ETA != nil; untold || t.Epoch != v.epoch {
			renewed := *t
			renewed.Epoch, renewed.AdmittedUntil, renewed.MaxUntil = v.epoch, 0, 0
			if untold {
				renewed.foretell(seconds(v.asOf), *s.ETA)
			}
			s.Token = r.queue.keys.Token(renewed)
		}
		return s, nil
	}
	if t.Epoch == v.epoch && t.Number > v.issued {
		r.marks.mark(t.Number)
		if err := r.haste.note(t.Number, v); err != nil {
			return Status{}, err
		}
		r.sawAhead(t.Epoch, t.Number)
		return r.waiting(v, *t, v.behind(t.Number)), nil
	}
	return r.resolve(ctx, v, who)
}

func (r *Room) isFinal(epoch int64, t Token) bool {
	_, final := r.finals.get(epoch, placeID{t.Visitor, t.Number})
	return final
}

// waiting makes the status of somebody who waits and is there, for whatever there is to
// wait for.
func (r *Room) waiting(v *view, t Token, position int64) Status {
	s := Status{
		Show: r.show, State: Waiting, Visitor: t.Visitor, Number: t.Number,
		Position: position, InLine: max(v.waiting, position), AsOf: timeOf(v.asOf), AsOfText: v.asOfText, Message: v.message,
	}
	if v.odds != nil && v.phase == Open {
		s.Chance, s.SeatsLeft = v.odds.Chance(position), v.odds.Free
	}
	if s.Chance == ChanceNone {
		s.State, s.Position, s.InLine = SoldOut, 0, 0
		s.PollAfter = jitter(v.rules.longestPoll())
		return s
	}
	if v.phase == Open && !v.isRecovering() {
		s.ETA = r.pace.forecast.Load().ETA(position)
	}
	s.PollAfter, s.Presence = pollAfter(s.ETA, position, v.rules)
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
	if err := r.haste.noteAsking(id, v.rules); err != nil {
		return Status{}, err
	}
	a, err := r.finds.Do(ctx, ask)
	if err != nil {
		return Status{}, err
	}
	t.Show, t.Visitor, t.Generation, t.Since = r.show, ask.visitor, a.generation, max(t.Since, who.Since)
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
	case "admitted", "prolonged":
		s = Status{State: Admitted, Until: timeOf(a.detail), PollAfter: insidePoll(v.rules)}
		if a.state == "admitted" && a.max > a.detail {
			s.Prolong = min(v.rules.prolong(), time.Duration(a.max-a.detail)*time.Microsecond)
		}
		renewed.AdmittedUntil, renewed.MaxUntil = seconds(a.detail), seconds(a.max)
	case "listed":
		s = r.listed(v, a.detail)
	case "finished", "expired":
		s = Status{State: State(a.state)}
		r.finals.put(a.epoch, placeID{t.Visitor, a.number}, s.State)
	case "lobby":
		if renewed.Joined == 0 {
			renewed.Joined = seconds(a.now)
		}
		s = r.gathered(v, renewed)
	case "none":
		return Status{}, ErrNoPlace
	case "older":
		return Status{}, ErrPlaceExpired
	default:
		r.sawAhead(a.epoch, a.number)
		r.poke()
		return Status{}, unavailable("resolve", errLost)
	}
	s.Show, s.Visitor, s.Since, s.Number, s.Message = r.show, t.Visitor, t.Since, a.number, v.message
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
		number = r.numbered(*who.Token).Number
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
	if listed, _ := a.rest[1].(int64); listed == 1 {
		if err := r.unlist(ctx, visitor); err != nil {
			return false, err
		}
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
