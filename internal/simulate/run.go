// Package simulate plays visitors against running gateways and judges what comes of
// it: whether every invariant held, as the visitors saw it and as it is stored.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a run.
type Options struct {
	Visitors   int
	URLs       []string // gateways; visitors start at one each, and move on
	Show       string   // empty: a show of its own is made, and closed in the end
	AdminToken string
	Seed       uint64
	Mix        Mix // empty: DefaultMix
	// Within bounds the whole run.
	Within time.Duration
	// Watch is told about once a second how far the run is. May be nil.
	Watch func(Progress)
}

// MostVisitors bounds a run: each visitor is a goroutine that waits, of about ten KB.
const MostVisitors = 200_000

// run is one simulation under way.
type run struct {
	options   Options
	gateways  *gateways
	witness   *witness
	seatmap   *seatmap
	show      string
	made      bool // the show is the run's own
	seats     []string
	maxSeats  int
	sleepFor  time.Duration
	silence   time.Duration // who is not heard of for longer may lose something by it
	forgiven  bool          // who slept that long may come back
	botJoins  int           // of each bot, beside the first
	botsAsNew int           // of those, as somebody new
	ownMoney  atomic.Bool
	polls     atomic.Int64
	lost      atomic.Int64
	late      atomic.Int64
	bots      botCounts
	phases    phases
}

// Run plays the visitors and judges. May return an error when it could not even
// begin, was cut short, or could not judge. However it ends, a show that it made is
// closed.
func Run(ctx context.Context, o Options) (v Verdict, err error) {
	if o.Visitors < 1 || o.Visitors > MostVisitors {
		return v, fmt.Errorf("visitors must be from 1 to %d", MostVisitors)
	}
	if o.Within <= 0 {
		return v, errors.New("the time for the run must be more than nothing")
	}
	if o.Mix == (Mix{}) {
		o.Mix = DefaultMix
	}
	g, err := newGateways(o.URLs)
	if err != nil {
		return v, err
	}
	r := &run{options: o, gateways: g, show: o.Show}
	r.ownMoney.Store(true) // until a visitor is told otherwise
	r.seatmap = &seatmap{run: r}
	started := time.Now()
	playing, cancel := context.WithTimeout(ctx, o.Within)
	defer cancel()
	defer func() {
		keep := err == nil && !v.OK() || r.phases.bought.Load() > 0
		if left := r.cleanUp(ctx, keep); left != nil && err == nil {
			err = left
		} else if left != nil {
			err = fmt.Errorf("%w; %w", err, left)
		}
	}()
	if err = r.prepare(playing); err == nil {
		r.play(playing, started)
		v, err = r.judge(playing, started)
	}
	if err != nil && playing.Err() != nil {
		err = r.cutShort(ctx)
	}
	return v, err
}

// cutShort says why a run has no verdict.
func (r *run) cutShort(ctx context.Context) error {
	over := fmt.Sprintf("%d of %d visits were over", r.phases.gone.Load(), r.options.Visitors)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %s", over)
	}
	return fmt.Errorf("not done within %s: %s", r.options.Within, over)
}

// admin calls the interface as the operator.
func (r *run) admin(ctx context.Context, method, path string, body any) (answer, error) {
	home := 0
	return r.gateways.do(ctx, &home, request{method: method, path: "/v1/admin" + path, body: body, bearer: r.options.AdminToken})
}

// readyWithin is how long gateways have until all is prepared. One that is not there
// is noticed before, after connectWithin.
const (
	readyWithin   = 30 * time.Second
	connectWithin = 3 * time.Second
)

// prepare makes the show, or learns what there is to know of one.
func (r *run) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, url := range r.gateways.urls {
		if err := r.reach(ctx, url); err != nil {
			return err
		}
	}
	if r.show == "" {
		if err := r.makeShow(ctx); err != nil {
			return err
		}
	}
	if err := r.readShow(ctx); err != nil {
		return err
	}
	r.witness = newWitness(r.show)
	return nil
}

// reach looks whether there is a gateway.
func (r *run) reach(ctx context.Context, url string) error {
	a, err := r.gateways.once(ctx, url, request{method: http.MethodGet, path: "/v1/shows", timeout: connectWithin}, nil)
	if err != nil {
		return fmt.Errorf("no gateway answers at %s: %w", url, err)
	}
	var shows struct {
		Shows []any `json:"shows"`
	}
	if !a.later() && (a.status != http.StatusOK || a.into(&shows) != nil || shows.Shows == nil) {
		return fmt.Errorf("what answers at %s is no gateway: GET /v1/shows gave %d", url, a.status)
	}
	return nil
}

func (r *run) play(ctx context.Context, started time.Time) {
	people := crowd(r.options.Seed, r.options.Visitors, r.options.Mix)
	bots := 0
	for _, p := range people {
		if p.profile == Bot {
			bots++
		}
	}
	r.botJoins, r.botsAsNew = joins(r.options.Visitors, bots)
	watching, stop := context.WithCancel(ctx)
	var watch, visits sync.WaitGroup
	watch.Go(func() { r.watch(watching, started) })
	for i, p := range people {
		visits.Go(func() {
			if !pause(ctx, p.arrives) {
				return
			}
			v := &visitor{person: p, id: i, run: r, random: source(r.options.Seed, i, 1)}
			v.visit(ctx)
		})
	}
	visits.Wait()
	stop()
	watch.Wait()
}
