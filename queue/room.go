package queue

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/gather"
)

// Room is a gateway's side of one show's queue. Its methods are safe for use by
// many at once.
type Room struct {
	show   string
	queue  *Queue
	keys   []string
	joins  *gather.Gather[joinAsk, joinAnswer]
	finds  *gather.Gather[resolveAsk, resolved]
	marks  marks
	haste  haste
	turned turned
	finals finals
	pace   pace
	rush   rush
	walks  *gather.Gather[struct{}, time.Duration]

	// endedAt is when a place was last ended through this gateway (ns since 1970):
	// a view from before does not know.
	endedAt atomic.Int64

	// shutUntil is until when nobody tries to walk in (ns since 1970).
	shutUntil atomic.Int64

	// lost is poked when Redis has gone back, or lost the room.
	lost chan struct{}

	view  atomic.Pointer[view]
	board atomic.Pointer[Board]
	rules atomic.Pointer[Show]  // as MySQL has them, as last told
	draw  atomic.Pointer[Draw]  // as stored, as the drawer last saw it
	drawn atomic.Pointer[drawn] // the order that came of it
	moved atomic.Pointer[movesKnown]

	// least is the lowest epoch that this gateway works with: MySQL's when it first
	// looked, or that of a token it was shown. 0: it has not looked yet.
	least atomic.Int64

	mu         sync.Mutex
	heardAt    time.Time // when Redis answered last
	doubtUntil time.Time // see silence.go

	known stamp    // the highest that Redis told this gateway
	ahead struct { // the highest number above the view's that a token proved
		epoch, number int64
		at            time.Time
	}
	begun int64 // the newest epoch that Redis was seen in, whatever it knew
	rival struct {
		epoch int64 // won in MySQL by somebody, and not seen in Redis yet
		since time.Time
	}
}

// stamp orders the states of a room in Redis.
type stamp struct{ epoch, version int64 }

func (s stamp) before(o stamp) bool {
	return s.epoch < o.epoch || s.epoch == o.epoch && s.version < o.version
}

// roundTrip bounds one question to Redis.
const roundTrip = 3 * time.Second

// Most questions that go to Redis in one round trip: no script shall hold it for long.
const (
	mostJoins    = 250
	mostResolves = 200
)

// joinMoment is how long joins are gathered at most, as long as more come: what a script
// does before it looks at the first visitor takes Redis as long as a dozen joins.
const joinMoment = 500 * time.Microsecond

func newRoom(q *Queue, show Show) *Room {
	r := &Room{show: show.ID, queue: q, keys: keys(show.ID), lost: make(chan struct{}, 1)}
	r.joins = &gather.Gather[joinAsk, joinAnswer]{Most: mostJoins, Moment: joinMoment, Within: roundTrip, Ask: r.askJoins}
	r.finds = &gather.Gather[resolveAsk, resolved]{Most: mostResolves, Within: roundTrip, Ask: r.askResolves}
	r.walks = &gather.Gather[struct{}, time.Duration]{Most: mostWalks, Within: roundTrip, Ask: r.askWalks}
	r.rules.Store(&show)
	return r
}

// follow notes the rules as MySQL has them.
func (r *Room) follow(show Show) {
	if old := r.rules.Load(); old.RulesVersion <= show.RulesVersion {
		r.rules.Store(&show)
	}
}

// answer is what every script opens with; rest is its own.
type answer struct {
	now, epoch, version int64
	status              string
	rest                []any
}

// run calls a script that opens with lua/room.lua. May return an
// UnavailableError; errLost is behind it when Redis went back behind what it had
// told this gateway, and the watcher has been told then.
func (r *Room) run(ctx context.Context, name string, script *redis.Script, args ...any) (answer, error) {
	known, err := r.stamp(ctx)
	if err != nil {
		return answer{}, err
	}
	full := append([]any{known.epoch, known.version}, args...)
	a, err := r.call(ctx, name, script, full...)
	return r.heard(name, a, err)
}

// heard draws the conclusions from an answer.
func (r *Room) heard(name string, a answer, err error) (answer, error) {
	if err != nil {
		return a, err
	}
	r.hears(time.Now())
	switch a.status {
	case "lost":
		r.sawBegun(a.epoch)
		r.poke()
		return a, unavailable(name, errLost)
	case "copy":
		r.poke()
		return a, unavailable(name, errCopy)
	}
	r.learn(stamp{a.epoch, a.version})
	return a, nil
}

func (r *Room) call(ctx context.Context, name string, script *redis.Script, args ...any) (answer, error) {
	return readAnswer(name, script.Run(ctx, r.queue.redis, r.keys, args...))
}

// readAnswer reads what every script opens with. May return an UnavailableError.
func readAnswer(name string, cmd *redis.Cmd) (answer, error) {
	reply, err := cmd.Slice()
	if err != nil {
		return answer{}, unavailable(name, err)
	}
	var a answer
	if len(reply) >= 2 {
		a.status, _ = reply[0].(string)
		a.now, _ = reply[1].(int64)
	}
	if len(reply) >= 4 {
		a.epoch, _ = reply[2].(int64)
		a.version, _ = reply[3].(int64)
		a.rest = reply[4:]
	}
	if a.now == 0 || a.status != "lost" && a.status != "copy" && a.epoch == 0 {
		return answer{}, fmt.Errorf("%s answered %v", name, reply)
	}
	return a, nil
}

// stamp is what Redis must not be behind: what it told this gateway, and at the
// least MySQL's epoch as of the gateway's first look, lest a room that another
// gateway knows to be lost, or that is a deleted show's, is taken for the show's.
func (r *Room) stamp(ctx context.Context) (stamp, error) {
	if r.least.Load() == 0 {
		kept, err := r.queue.ledger.Load(ctx, r.show)
		if err != nil {
			return stamp{}, unavailable("load the ledger", err)
		}
		r.demand(max(kept.Epoch, 1))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if least := r.least.Load(); r.known.epoch < least {
		return stamp{epoch: least}, nil
	}
	return r.known, nil
}

// demand raises the lowest epoch that this gateway works with.
func (r *Room) demand(epoch int64) {
	for least := r.least.Load(); least < epoch; least = r.least.Load() {
		if r.least.CompareAndSwap(least, epoch) {
			return
		}
	}
}

// sawAhead notes a number that a token proves and that Redis had not issued when it
// was last asked.
func (r *Room) sawAhead(epoch, number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ahead.epoch != epoch || r.ahead.number < number {
		r.ahead.epoch, r.ahead.number, r.ahead.at = epoch, number, time.Now()
	}
}

// sawBegun notes the epoch of a room that knows less than it should.
func (r *Room) sawBegun(epoch int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = max(r.begun, epoch)
}

// isBehind tells whether the view, though taken after a token was seen, knows less
// than the token: then Redis has gone back, and no gateway was left to notice.
func (r *Room) isBehind(v *view) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ahead.epoch == v.epoch && r.ahead.number > v.issued && r.ahead.at.Before(v.taken)
}

func (r *Room) learn(s stamp) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known.before(s) {
		r.known = s
	}
}

// poke tells the watcher that the room is lost.
func (r *Room) poke() {
	select {
	case r.lost <- struct{}{}:
	default:
	}
}

// oldest is the greatest age of a view from which polls are answered. Past it
// the answer could be wrong by more than a visitor would forgive, so it is refused.
const oldest = 15 * time.Second

// fresh returns the view. May return an UnavailableError when it is too old.
func (r *Room) fresh() (*view, error) {
	v := r.view.Load()
	if v == nil {
		return nil, unavailable("view", errLost)
	}
	if age := time.Since(v.taken); age > oldest {
		return nil, unavailable("view", fmt.Errorf("the view is %s old", age.Round(time.Second)))
	}
	return v, nil
}

// refresh fetches the view anew.
func (r *Room) refresh(ctx context.Context) (*view, error) {
	taken := time.Now()
	a, err := r.queue.look(ctx, r)
	if err != nil {
		return nil, err
	}
	v, err := newView(a.rest, a.now, a.epoch, a.version, taken)
	if err != nil {
		return nil, err
	}
	moved, _ := a.rest[12].([]any)
	r.learnMoves(v.epoch, moved)
	v.stock = r.stock(ctx)
	v.odds = newOdds(v)
	r.pace.note(v)
	r.rush.note(v)
	for {
		old := r.view.Load()
		if old != nil && (stamp{v.epoch, v.version}).before(stamp{old.epoch, old.version}) {
			return old, nil
		}
		if r.view.CompareAndSwap(old, v) {
			return v, nil
		}
	}
}
