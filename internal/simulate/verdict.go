package simulate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"frontrow/internal/invariant"
)

// Verdict is what came of a run. Its JSON only ever gains fields.
type Verdict struct {
	Show       string                `json:"show"`
	Visitors   int                   `json:"visitors"`
	Seed       uint64                `json:"seed"`
	Mix        string                `json:"mix"`
	Seconds    float64               `json:"seconds"`
	Outcomes   map[string]int        `json:"outcomes"` // one a visitor
	Profiles   []ProfileVerdict      `json:"profiles"`
	Wait       map[string]float64    `json:"wait_seconds"`
	ETA        Forecasts             `json:"eta"`
	Fairness   Fairness              `json:"fairness"`
	Bots       BotVerdict            `json:"bots"`
	Requests   int64                 `json:"requests"`
	Polls      int64                 `json:"polls"`
	SeatsLost  int64                 `json:"seats_lost"` // holds for which somebody else was faster
	Moved      int64                 `json:"moved"`
	Later      int64                 `json:"told_later"` // answers 429 and 503
	TooMany    int64                 `json:"too_many"`   // answers 429
	Late       int64                 `json:"late"`       // visitors whom this machine could not let poll in time
	Invariants []InvariantVerdict    `json:"invariants"`
	Violations []invariant.Violation `json:"violations"`
	Surprises  int                   `json:"surprises"` // answers that no visitor should get; unexpected has some of them
	Unexpected []string              `json:"unexpected,omitempty"`
}

// ProfileVerdict is what came of the visitors of one profile.
type ProfileVerdict struct {
	Name     string         `json:"name"`
	Share    int            `json:"share"`
	Visitors int            `json:"visitors"`
	Outcomes map[string]int `json:"outcomes"`
}

// InvariantVerdict is what came of one invariant. Where nothing looked at it, Seen
// is false, and that it holds says nothing.
type InvariantVerdict struct {
	Name       string `json:"name"`
	Holds      bool   `json:"holds"`
	Seen       bool   `json:"seen"`
	Violations int    `json:"violations"`
}

// Forecasts counts visitors who were told at the join how long the wait would be, and
// those whose wait was within that.
type Forecasts struct {
	Told   int     `json:"told"`
	Inside int     `json:"inside"`
	Share  float64 `json:"share"`
}

// Fairness counts visitors let in, and those of them who were let in after somebody
// who had come later.
type Fairness struct {
	Compared   int `json:"compared"`
	Inversions int `json:"inversions"`
}

// BotVerdict counts what bots did beside the first join of each: joins that gave
// places, all of them abandoned; joins with a token, which gave nothing new; and joins
// that were refused.
type BotVerdict struct {
	Places  int64 `json:"places"`
	Replays int64 `json:"replays"`
	Refused int64 `json:"refused"`
}

// OK tells whether every invariant held and nobody was surprised.
func (v Verdict) OK() bool { return len(v.Violations) == 0 && v.Surprises == 0 }

// verifyTimeout is how long a gateway may take to verify what is stored: with a
// hundred thousand visitors it reads some hundred thousand rows.
const verifyTimeout = 5 * time.Minute

// judge asks for every order once more, has the gateway verify what is stored, and
// puts it together with what the visitors saw.
func (r *run) judge(ctx context.Context, started time.Time) (Verdict, error) {
	r.witness.judgePlaces()
	if err := r.judgeOrders(ctx); err != nil {
		return Verdict{}, err
	}
	home := 0
	a, err := r.gateways.do(ctx, &home, request{
		method: http.MethodGet, path: "/v1/admin/verify?show=" + r.show, bearer: r.options.AdminToken, timeout: verifyTimeout,
	})
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
	p50, p90 := r.witness.waitQuantiles()
	v := Verdict{
		Show: r.show, Visitors: r.options.Visitors, Seed: r.options.Seed, Mix: r.options.Mix.String(), Seconds: time.Since(started).Seconds(),
		Wait: map[string]float64{"p50": p50.Seconds(), "p90": p90.Seconds()}, ETA: r.witness.forecasts(), Fairness: r.witness.fairness(),
		Bots:     BotVerdict{r.bots.places.Load(), r.bots.replays.Load(), r.bots.refused.Load()},
		Requests: r.gateways.asked.Load(), Polls: r.polls.Load(), SeatsLost: r.lost.Load(),
		Moved: r.gateways.moved.Load(), Later: r.gateways.waited.Load(), TooMany: r.gateways.tooMany.Load(), Late: r.late.Load(),
		Violations: append(append([]invariant.Violation{}, r.witness.found...), stored.Violations...), // [] in JSON, not null
		Surprises:  r.witness.surprises, Unexpected: r.witness.unexpected,
	}
	v.Outcomes, v.Profiles = r.witness.profiles(r.options.Mix)
	v.Invariants = r.witness.invariants(v.Violations, stored.Checked)
	return v, nil
}

// judgeOrders asks for every order that was answered as paid.
func (r *run) judgeOrders(ctx context.Context) error {
	var asks errgroup.Group
	asks.SetLimit(16)
	for i, o := range r.witness.orders {
		asks.Go(func() error {
			home := i
			a, err := r.gateways.do(ctx, &home, request{method: http.MethodGet, path: "/v1/orders/" + o.id, bearer: o.token})
			if err != nil {
				return err
			}
			r.witness.sees(invariant.PaidIsKept)
			var kept order
			if a.status != http.StatusOK || a.into(&kept) != nil || kept.State != "paid" || !slices.Equal(kept.Seats, o.seats) {
				r.witness.broken(invariant.PaidIsKept, "order %s was answered as paid and now is %s", o.id, a)
			}
			return nil
		})
	}
	return asks.Wait()
}

// profiles sums the outcomes up, over all and by profile.
func (w *witness) profiles(mix Mix) (map[string]int, []ProfileVerdict) {
	all := map[string]int{}
	verdicts := make([]ProfileVerdict, 0, profileCount)
	for p, outcomes := range w.outcomes {
		verdict := ProfileVerdict{Name: Profile(p).String(), Share: mix[p], Outcomes: outcomes}
		for name, n := range outcomes {
			all[name] += n
			verdict.Visitors += n
		}
		verdicts = append(verdicts, verdict)
	}
	return all, verdicts
}

// invariants gives each invariant its verdict, from what was found and what was
// looked at by the witness or on what is stored.
func (w *witness) invariants(found []invariant.Violation, checked []string) []InvariantVerdict {
	broken := map[string]int{}
	for _, violation := range found {
		broken[violation.Invariant]++
	}
	verdicts := make([]InvariantVerdict, 0, len(invariant.All))
	for _, name := range invariant.All {
		verdicts = append(verdicts, InvariantVerdict{
			Name: name, Holds: broken[name] == 0, Violations: broken[name],
			Seen: w.seen[name] > 0 || slices.Contains(checked, name),
		})
	}
	return verdicts
}
