package queue

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/gather"
	"frontrow/internal/testenv"
)

// trips counts how often a client went to Redis.
type trips struct {
	mu    sync.Mutex
	pipes []int // commands of each pipeline
	alone []string
}

func (c *trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.mu.Lock()
		c.alone = append(c.alone, cmd.Name())
		c.mu.Unlock()
		return next(ctx, cmd)
	}
}

func (c *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.mu.Lock()
		c.pipes = append(c.pipes, len(cmds))
		c.mu.Unlock()
		return next(ctx, cmds)
	}
}

// The views of many shows are refreshed in one round trip, and one lost room is the
// others' business as little as a script that Redis has forgotten.
func TestManyViewsAreOneRoundTrip(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		const shows = 5
		h := newHouse(t, url, quick())
		g := h.gate()
		rooms := []*Room{g.Room}
		for range shows - 1 {
			show := h.show
			show.ID += randomWord()
			room := g.queue.Follow(show)
			must(t, (&Watcher{room: room}).RunOnce(t.Context()))
			rooms = append(rooms, room)
		}
		must(t, g.redis.Del(t.Context(), rooms[2].keys...).Err())
		count := &trips{}
		g.redis.AddHook(count)
		g.queue.looks = &gather.Gather[*Room, looked]{ // however slowly they come
			Most: mostLooks, Moment: 300 * time.Millisecond, Whole: true, Within: roundTrip, Ask: g.queue.askLooks,
		}
		errs := make([]error, shows)
		var all sync.WaitGroup
		for i, room := range rooms {
			all.Go(func() { _, errs[i] = room.refresh(t.Context()) })
		}
		all.Wait()
		equal(t, len(count.pipes), 1, "round trips")
		equal(t, count.pipes[0], shows, "views in it")
		for i, err := range errs {
			if lost := err != nil && strings.Contains(err.Error(), errLost.Error()); lost != (i == 2) {
				t.Errorf("room %d: %v", i, err)
			}
		}
	})
	server := testenv.OwnRedis(t) // alone: its scripts are thrown away
	g := newHouse(t, server.URL(), quick()).gate()
	must(t, g.redis.ScriptFlush(t.Context()).Err())
	_, err := g.refresh(t.Context())
	must(t, err)
}

func TestWatchersTickTogether(t *testing.T) {
	t.Parallel()
	q := New(Options{})
	a, b := &Watcher{room: &Room{queue: q}}, &Watcher{room: &Room{queue: q}}
	now := time.Now()
	at := now.Add(a.untilBeat(now))
	for range 20 {
		now = now.Add(40 * time.Millisecond)
		if now.After(at) {
			break
		}
		if other := now.Add(b.untilBeat(now)); !other.Equal(at) && now.Before(at) {
			t.Fatalf("one ticks at %s, the other at %s", at, other)
		}
	}
	if wait := a.untilBeat(at); wait != watchEvery {
		t.Errorf("the next tick comes %s after the last", wait)
	}
}

// A Redis that hangs slows no poll that the view can answer; the answer says how old it
// is, and past a stated age it is refused rather than wrong.
func TestAHangingRedisSlowsNoPoll(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	g := newHouse(t, server.URL(), quick()).gate()
	fans := g.join(70)
	g.look()
	must(t, g.redis.Do(t.Context(), "CLIENT", "PAUSE", 60_000, "ALL").Err())
	waitsForNothing, cancel := context.WithCancel(t.Context())
	cancel()
	v := g.view.Load()
	for age, answered := range map[time.Duration]bool{0: true, oldest - time.Second: true, oldest + time.Second: false} {
		aged := *v
		aged.taken = time.Now().Add(-age)
		g.view.Store(&aged)
		for _, f := range fans {
			s, err := g.Poll(waitsForNothing, f.who)
			var down *UnavailableError
			switch {
			case answered && (err != nil || s.State != Waiting || !s.AsOf.Equal(timeOf(v.asOf))):
				t.Fatalf("with a view of %s ago number %d was told %+v, %v", age, f.first.Number, s, err)
			case !answered && !errors.As(err, &down):
				t.Fatalf("with a view of %s ago number %d was told %+v, %v; want to be refused", age, f.first.Number, s, err)
			}
		}
	}
}
