// Package simulate plays visitors against running gateways and judges what comes of
// it: whether every invariant held, as the visitors saw it and as it is stored.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"frontrow/internal/hall"
	"frontrow/internal/invariant"
)

// Options of a run.
type Options struct {
	Visitors   int
	URLs       []string // gateways; visitors start at one each, and move on
	Show       string   // empty: a show of its own is made
	AdminToken string
	Seed       uint64
	// Within bounds the whole run.
	Within time.Duration
	// Done is told of each visitor whose visit is over. May be nil.
	Done func()
}

// MostVisitors bounds a run: each visitor is a goroutine with connections of its own.
const MostVisitors = 200_000

// Verdict is what came of a run.
type Verdict struct {
	Show       string                `json:"show"`
	Visitors   int                   `json:"visitors"`
	Seed       uint64                `json:"seed"`
	Seconds    float64               `json:"seconds"`
	Outcomes   map[string]int        `json:"outcomes"`
	Wait       map[string]float64    `json:"wait_seconds"`
	Requests   int64                 `json:"requests"`
	Moved      int64                 `json:"moved"`
	Later      int64                 `json:"told_later"`
	Violations []invariant.Violation `json:"violations"`
	Unexpected []string              `json:"unexpected,omitempty"`
}

// OK tells whether every invariant held and nobody was surprised.
func (v Verdict) OK() bool { return len(v.Violations) == 0 && len(v.Unexpected) == 0 }

// run is one simulation under way.
type run struct {
	options  Options
	gateways *gateways
	witness  *witness
	show     string
	seats    []string
	maxSeats int
	sleepFor time.Duration
	ownMoney atomic.Bool // visitors may charge their own wallets
}

// Run plays the visitors and judges. May return an error when it could not even
// begin, or not judge.
func Run(ctx context.Context, o Options) (Verdict, error) {
	if o.Visitors < 1 || o.Visitors > MostVisitors {
		return Verdict{}, fmt.Errorf("visitors must be from 1 to %d", MostVisitors)
	}
	if len(o.URLs) == 0 {
		return Verdict{}, errors.New("no gateway to simulate against")
	}
	r := &run{options: o, gateways: newGateways(o.URLs), show: o.Show}
	r.ownMoney.Store(true)
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, o.Within)
	defer cancel()
	if err := r.prepare(ctx); err != nil {
		return Verdict{}, err
	}
	r.witness = newWitness(r.show)
	r.play(ctx)
	if ctx.Err() != nil {
		return Verdict{}, fmt.Errorf("the run was not over in time: %w", ctx.Err())
	}
	return r.judge(ctx, started)
}

// admin calls the interface as the operator.
func (r *run) admin(ctx context.Context, method, path string, body any) (answer, error) {
	home := 0
	return r.gateways.do(ctx, &home, request{method: method, path: "/v1/admin" + path, body: body, bearer: r.options.AdminToken})
}

// prepare makes the show, or learns what there is to know of one.
func (r *run) prepare(ctx context.Context) error {
	if r.show == "" {
		if err := r.makeShow(ctx); err != nil {
			return err
		}
	}
	home := 0
	var show struct {
		MaxSeats int `json:"max_seats"`
	}
	a, err := r.gateways.do(ctx, &home, request{method: http.MethodGet, path: "/v1/shows/" + r.show})
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("show %s: %s", r.show, a)
	}
	if err := a.into(&show); err != nil {
		return err
	}
	r.maxSeats = show.MaxSeats
	var rules struct {
		AbsenceSeconds int `json:"absence_seconds"`
	}
	if a, err = r.admin(ctx, http.MethodGet, "/shows/"+r.show+"/admission", nil); err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("the admin token is refused: %s", a)
	}
	if err := a.into(&rules); err != nil {
		return err
	}
	r.sleepFor = min(time.Duration(rules.AbsenceSeconds)*time.Second*3/2, time.Minute)
	return r.readLayout(ctx)
}

func (r *run) readLayout(ctx context.Context) error {
	home := 0
	a, err := r.gateways.do(ctx, &home, request{method: http.MethodGet, path: "/v1/shows/" + r.show + "/seats/layout"})
	if err != nil {
		return err
	}
	var layout struct {
		Sections []hall.Section `json:"sections"`
	}
	if err := a.into(&layout); err != nil {
		return err
	}
	for _, section := range layout.Sections {
		for _, row := range section.Rows {
			for _, seat := range row.Seats {
				r.seats = append(r.seats, seat.Seat)
			}
		}
	}
	if len(r.seats) == 0 {
		return fmt.Errorf("show %s has no seats: %s", r.show, a)
	}
	return nil
}

// makeShow makes a show that fits the crowd: fewer seats than wanted, a cap that is
// felt, and short waits for those who stay away.
func (r *run) makeShow(ctx context.Context) error {
	n := r.options.Visitors
	r.show = "sim-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	sections, err := hall.Arena(min(max(n, 20), 50_000))
	if err != nil {
		return err
	}
	admit := max(n/40, 2)
	a, err := r.admin(ctx, http.MethodPost, "/shows", map[string]any{
		"show": r.show, "title": "Simulation", "venue": "Nowhere", "phase": "open", "hold_seconds": 120, "max_seats": 4,
		"admission": map[string]any{
			"admit": admit, "interval_ms": 500, "max_active": admit * 3, "claim_seconds": 8, "session_seconds": 120,
			"session_max_seconds": 300, "absence_seconds": 8, "return_seconds": 60,
		},
		"sections": sections,
	})
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		return fmt.Errorf("make a show: %s", a)
	}
	// Every gateway knows of it within a second.
	for home := range r.gateways.urls {
		for try := 0; ; try++ {
			at := home
			a, err := r.gateways.do(ctx, &at, request{method: http.MethodGet, path: "/v1/shows/" + r.show + "/seats/state"})
			if err != nil {
				return err
			}
			if a.status == http.StatusOK {
				break
			}
			if try == 50 || !pause(ctx, 200*time.Millisecond) {
				return fmt.Errorf("the show does not open: %s", a)
			}
		}
	}
	return nil
}

// arriveWithin is how long the wall of arrivals is.
const arriveWithin = 5 * time.Second

func (r *run) play(ctx context.Context) {
	random := rand.New(rand.NewPCG(r.options.Seed, 1))
	var visits sync.WaitGroup
	for i := range r.options.Visitors {
		v := &visitor{
			id: i, run: r, home: random.IntN(len(r.gateways.urls)),
			random: rand.New(rand.NewPCG(r.options.Seed, uint64(i)+2)),
		}
		v.habit = drawHabit(v.random)
		arrives := time.Duration(random.Int64N(int64(arriveWithin)))
		visits.Go(func() {
			if pause(ctx, arrives) {
				v.visit(ctx)
			}
			if r.options.Done != nil {
				r.options.Done()
			}
		})
	}
	visits.Wait()
}

// charge has the visitor charge the wallet, or where that is not allowed the operator.
func (r *run) charge(ctx context.Context, v *visitor, amount int64, key string) (answer, error) {
	body := map[string]any{"amount": amount}
	if r.ownMoney.Load() {
		a, err := v.ask(ctx, request{method: http.MethodPost, path: "/v1/wallet/charges", bearer: v.token, key: key, body: body})
		if err != nil || a.problem() != "admin_required" {
			return a, err
		}
		r.ownMoney.Store(false)
	}
	a, err := v.ask(ctx, request{method: http.MethodGet, path: "/v1/wallet", bearer: v.token})
	if err != nil {
		return a, err
	}
	var wallet struct {
		Visitor string `json:"visitor"`
	}
	if err := a.into(&wallet); err != nil {
		return a, err
	}
	return v.ask(ctx, request{
		method: http.MethodPost, path: "/v1/admin/wallets/" + wallet.Visitor + "/charges",
		bearer: r.options.AdminToken, key: key, body: body,
	})
}

// judge asks for every order once more, has the gateway verify what is stored, and
// puts it together with what the visitors saw.
func (r *run) judge(ctx context.Context, started time.Time) (Verdict, error) {
	r.witness.judgePlaces()
	home := 0
	for _, o := range r.witness.orders {
		a, err := r.gateways.do(ctx, &home, request{method: http.MethodGet, path: "/v1/orders/" + o.id, bearer: o.token})
		if err != nil {
			return Verdict{}, err
		}
		var kept order
		if a.status != http.StatusOK || a.into(&kept) != nil || kept.State != "paid" || !slices.Equal(kept.Seats, o.seats) {
			r.witness.broken(invariant.PaidIsKept, "order %s was answered as paid and now is %s", o.id, a)
		}
	}
	a, err := r.admin(ctx, http.MethodGet, "/verify?show="+r.show, nil)
	if err != nil {
		return Verdict{}, err
	}
	var stored struct {
		Violations []invariant.Violation `json:"violations"`
		Checked    []string              `json:"checked"`
	}
	if a.status != http.StatusOK || a.into(&stored) != nil || len(stored.Checked) == 0 {
		return Verdict{}, fmt.Errorf("verify: %s", a)
	}
	if r.options.Show == "" {
		if _, err := r.admin(ctx, http.MethodPost, "/shows/"+r.show+"/close", nil); err != nil {
			return Verdict{}, err
		}
	}
	p50, p90 := r.witness.waitQuantiles()
	return Verdict{
		Show: r.show, Visitors: r.options.Visitors, Seed: r.options.Seed, Seconds: time.Since(started).Seconds(),
		Outcomes: r.witness.outcomes, Wait: map[string]float64{"p50": p50.Seconds(), "p90": p90.Seconds()},
		Requests: r.gateways.asked.Load(), Moved: r.gateways.moved.Load(), Later: r.gateways.waited.Load(),
		Violations: append(r.witness.found, stored.Violations...), Unexpected: r.witness.unexpected,
	}, nil
}
