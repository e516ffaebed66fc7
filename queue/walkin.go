package queue

import (
	"context"
	"time"
)

// Enter gives the visitor a place as Join does, and lets them in at once where what is left of
// the interval's quota, and everybody ahead, allow it: in front of an idle show nobody
// waits. The admission is the same that the Admitter runs, so nobody jumps the line, and no more
// are let in than the rules say. It returns, and may return, what Join does.
func (r *Room) Enter(ctx context.Context, who Who) (s Status, created bool, err error) {
	s, created, err = r.Join(ctx, who)
	v := r.view.Load()
	if err != nil || !created || s.State != Waiting || v == nil || r.isShut() || v.hasLine() {
		return s, created, err
	}
	t, err := r.queue.keys.ParseToken(s.Token)
	if err != nil {
		return s, created, err
	}
	next, err := r.walks.Do(ctx, struct{}{})
	if err != nil {
		return s, created, nil // they wait: the watcher says what is wrong
	}
	in, err := r.resolve(ctx, v, Who{Visitor: t.Visitor, Token: &t})
	if err != nil {
		return s, created, nil
	}
	if in.State != Admitted {
		r.shut(next)
		return s, created, nil
	}
	return in, created, nil
}

// IsCrowded tells whether somebody who came now would have to wait, as of a second ago: then
// there is no need to give them a place to find out. May return an UnavailableError.
func (r *Room) IsCrowded() (bool, error) {
	v, err := r.fresh()
	if err != nil {
		return false, err
	}
	shut := v.phase != Open || v.rules.Paused || v.isRecovering() || v.isSoldOut() ||
		v.hasLine() || v.listed > 0 || v.listDue || v.totals.Active >= int64(v.rules.MaxActive)
	return shut || r.isShut(), nil
}

// hasLine tells whether more wait than one admission takes. As many may be on their way in: a view that is taken between
// somebody's join and their admission shows them waiting for a second.
func (v *view) hasLine() bool { return v.present() > int64(v.rules.Admit) }

// mostWalks bounds how many who come at once share one admission.
const mostWalks = 1000

// askWalks runs the admission once for all who have just come; each is told when the
// next is due.
func (r *Room) askWalks(ctx context.Context, asks []struct{}) ([]time.Duration, error) {
	_, next, err := (&Admitter{room: r}).RunOnce(ctx)
	answers := make([]time.Duration, len(asks))
	for i := range answers {
		answers[i] = next
	}
	return answers, err
}

// leastShut is how long nobody tries to walk in, at least, after somebody could not: the
// Admitter is at work then.
const leastShut = 50 * time.Millisecond

// shut notes that there is nothing left for those who come, until the next admission is due,
// or the rules may be others.
func (r *Room) shut(next time.Duration) {
	r.shutUntil.Store(time.Now().Add(min(max(next, leastShut), longestNap)).UnixNano())
}

func (r *Room) isShut() bool { return time.Now().UnixNano() < r.shutUntil.Load() }
