package queue

import (
	"context"
	"errors"
	"fmt"
)

// ListBook keeps the waiting list in MySQL: who is on it need not come back, so that
// no token would bring them back to a Redis that lost it. The queue does not know how.
type ListBook struct {
	// Add puts a visitor on the list of a generation; again, it changes nothing.
	Add func(ctx context.Context, show string, generation int64, l Listed) error
	// Remove takes a visitor off it.
	Remove func(ctx context.Context, show string, generation int64, visitor string) error
	// Load lists who is on it and has not been called, by number.
	Load func(ctx context.Context, show string, generation int64) ([]Listed, error)
	// Called is told whose turn has come, so that they can be notified; of the same
	// call it may be told more than once, by several gateways.
	Called func(ctx context.Context, show string, generation int64, called []Called) error
}

// Listed is somebody on the waiting list.
type Listed struct {
	Visitor string
	Number  int64
}

// Called is somebody who was called from the waiting list, until when they may claim (us).
type Called struct {
	Visitor string
	Until   int64
}

// Enlist puts somebody on the waiting list of a show that is sold out, under the number
// that they have in line, or a new one behind everybody. Who is on it keeps the place
// without polling. created tells a new number. Who is inside stays there. May return ErrNotSoldOut,
// what Join may return, or an UnavailableError.
func (r *Room) Enlist(ctx context.Context, who Who) (s Status, created bool, err error) {
	v, err := r.fresh()
	if err != nil {
		return s, false, err
	}
	if who.New {
		err = ErrNoPlace
	} else if s, err = r.Poll(ctx, who); errors.Is(err, ErrPlaceExpired) {
		err = ErrNoPlace
	}
	none := errors.Is(err, ErrNoPlace)
	switch {
	case err != nil && !none:
		return s, false, err
	case s.State == Admitted || s.Listed > 0:
		return s, false, nil
	case !v.isSoldOut() || r.queue.list.Add == nil:
		return s, false, ErrNotSoldOut
	case none || !s.isInLine():
		if s, created, err = r.newPlace(ctx, v, who); err != nil || s.State == Admitted || s.Listed > 0 {
			return s, created, err
		}
	}
	listed, err := r.enlist(ctx, v, Listed{s.Visitor, s.Number})
	if err != nil {
		return s, false, err
	}
	listed.Visitor, listed.Number, listed.Token, listed.Message = s.Visitor, s.Number, s.Token, s.Message
	if listed.Token == "" && who.Token != nil {
		listed.Token = r.queue.keys.Token(r.numbered(*who.Token))
	}
	return listed, created, nil
}

// enlist keeps it first: a place that is kept and not listed is lost to nobody.
func (r *Room) enlist(ctx context.Context, v *view, l Listed) (Status, error) {
	if err := r.queue.list.Add(ctx, r.show, v.generation, l); err != nil {
		return Status{}, unavailable("enlist", err)
	}
	a, err := r.run(ctx, "enlist", enlistScript, "asked", l.Visitor, l.Number)
	if err != nil {
		return Status{}, err
	}
	position, _ := a.rest[0].(int64)
	if position == 0 {
		// They were called, or left, a moment ago.
		return Status{}, errors.Join(ErrNotSoldOut, r.unlist(ctx, l.Visitor))
	}
	return r.listed(v, position), nil
}

// listed makes the status of somebody on the waiting list.
func (r *Room) listed(v *view, position int64) Status {
	return Status{
		Show: r.show, State: SoldOut, Listed: position, PollAfter: jitter(pollBack), AsOf: timeOf(v.asOf), Message: v.message,
	}
}

func (r *Room) unlist(ctx context.Context, visitor string) error {
	v := r.view.Load()
	if v == nil || r.queue.list.Remove == nil {
		return nil
	}
	if err := r.queue.list.Remove(ctx, r.show, v.generation, visitor); err != nil {
		return unavailable("unlist", err)
	}
	return nil
}

// mostListed is how many of the waiting list go to Redis, or are told of, at once.
const mostListed = 500

// bringList puts the list as it is kept into a room that was opened without. Any gateway
// may, and again: nobody is let in before it is there.
func (r *Room) bringList(ctx context.Context, v *view) error {
	if !v.listDue || r.queue.list.Load == nil {
		return nil
	}
	list, err := r.queue.list.Load(ctx, r.show, v.generation)
	if err != nil {
		return unavailable("load the waiting list", err)
	}
	for {
		n := min(len(list), mostListed)
		how := "kept"
		if n == len(list) {
			how = "all"
		}
		args := []any{how}
		for _, l := range list[:n] {
			args = append(args, l.Visitor, l.Number)
		}
		if _, err := r.run(ctx, "enlist", enlistScript, args...); err != nil || how == "all" {
			return err
		}
		list = list[n:]
	}
}

// tellCalled says whose turn has come. A gateway that dies in between leaves it to the
// next one that looks.
func (r *Room) tellCalled(ctx context.Context, v *view) error {
	if v.untold == 0 || r.queue.list.Called == nil {
		return nil
	}
	rows, err := r.queue.redis.ZRangeWithScores(ctx, r.keys[keyUntold], 0, mostListed-1).Result()
	if err != nil {
		return unavailable("who was called", err)
	}
	called, told := make([]Called, len(rows)), make([]any, len(rows))
	for i, row := range rows {
		visitor, ok := row.Member.(string)
		if !ok {
			return fmt.Errorf("called is %T", row.Member)
		}
		called[i], told[i] = Called{visitor, int64(row.Score)}, visitor
	}
	if len(rows) == 0 {
		return nil
	}
	if err := r.queue.list.Called(ctx, r.show, v.generation, called); err != nil {
		return fmt.Errorf("tell who was called: %w", err)
	}
	return r.queue.redis.ZRem(ctx, r.keys[keyUntold], told...).Err()
}
