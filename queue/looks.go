package queue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// looked is what one room's view script said, or why it said nothing.
type looked struct {
	answer answer
	err    error
}

// Looks are gathered over all rooms of a gateway, so that the views of many shows cost
// one round trip a second: the watchers tick together, and wait a moment for each other.
const (
	mostLooks  = 64
	lookMoment = 2 * time.Millisecond
)

// look runs the view script of a room. In a cluster each room's goes its own way: in one
// round trip with those of another node, they would all wait for the one that is frozen.
func (q *Queue) look(ctx context.Context, r *Room) (answer, error) {
	if _, cluster := q.redis.(*redis.ClusterClient); cluster {
		known, err := r.stamp(ctx)
		if err != nil {
			return answer{}, err
		}
		return r.run(ctx, "view", viewScript, r.movesSeen(known.epoch))
	}
	l, err := q.looks.Do(ctx, r)
	if err == nil {
		err = l.err
	}
	return l.answer, err
}

// askLooks runs the view script of every room, in one round trip.
func (q *Queue) askLooks(ctx context.Context, rooms []*Room) ([]looked, error) {
	found := make([]looked, len(rooms))
	cmds := make([]*redis.Cmd, len(rooms))
	known := make([]stamp, len(rooms))
	_, _ = q.redis.Pipelined(ctx, func(p redis.Pipeliner) error { // each command has its own error
		for i, r := range rooms {
			if known[i], found[i].err = r.stamp(ctx); found[i].err == nil {
				cmds[i] = p.EvalSha(ctx, viewScript.Hash(), r.keys, known[i].epoch, known[i].version, r.movesSeen(known[i].epoch))
			}
		}
		return nil
	})
	for i, r := range rooms {
		if cmds[i] == nil {
			continue
		}
		a, err := readAnswer("view", cmds[i])
		if redis.HasErrorPrefix(cmds[i].Err(), "NOSCRIPT") {
			a, err = r.call(ctx, "view", viewScript, known[i].epoch, known[i].version, r.movesSeen(known[i].epoch))
		}
		found[i].answer, found[i].err = r.heard("view", a, err)
	}
	return found, nil
}
