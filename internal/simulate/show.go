package simulate

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"frontrow/internal/hall"
)

// plan is the show that a run makes for itself.
type plan struct {
	seats         int
	admit         int // per half a second
	maxActive     int
	claim, absent int // seconds
	returns       int // seconds
}

// planFor makes a show that fits the crowd. A small one finds about as many seats as
// it wants, a large one thirty times too few. The cap is felt. The longest time between
// two polls follows from claim and absence, so these grow with the crowd, to keep
// polls at about 2,500 a second as far as the product's longest, half a minute, goes.
func planFor(visitors int) plan {
	longest := min(visitors/2500, 30) // seconds
	claim, absent := max(8, 2*longest), max(8, 3*longest)
	admit := min(max(visitors/40, 2), 50) // a hundred buyers a second are what two cores bear
	return plan{
		seats: max(20, min(visitors, 2000), visitors/20),
		admit: admit,
		// Who is called and does not come keeps a place inside for all of the claim time.
		maxActive: admit * max(3, claim/5),
		claim:     claim, absent: absent, returns: max(60, 2*absent+claim),
	}
}

// makeShow makes the run's own show, and waits until every gateway knows it.
func (r *run) makeShow(ctx context.Context) error {
	r.show = "sim-" + strconv.FormatInt(time.Now().UnixMicro(), 36)
	p := planFor(r.options.Visitors)
	sections, err := hall.Arena(p.seats)
	if err != nil {
		return err
	}
	r.made = true
	a, err := r.admin(ctx, http.MethodPost, "/shows", map[string]any{
		"show": r.show, "title": "Simulation", "venue": "Nowhere", "phase": "open", "hold_seconds": 120, "max_seats": 4,
		"admission": map[string]any{
			"admit": p.admit, "interval_ms": 500, "max_active": p.maxActive, "claim_seconds": p.claim, "session_seconds": 120,
			"session_max_seconds": 300, "absence_seconds": p.absent, "return_seconds": p.returns,
		},
		"sections": sections,
	})
	switch {
	case err != nil:
		return err
	case a.problem() == "admin_required":
		r.made = false
		return r.refused()
	case a.status != http.StatusCreated && !a.lost: // a lost answer may have made it
		r.made = false
		return fmt.Errorf("make a show: %s", a)
	}
	return r.awaitShow(ctx)
}

// refused says that the admin token is not the gateways'.
func (r *run) refused() error {
	if r.options.AdminToken == "" {
		return fmt.Errorf("there is no admin token: give --admin-token, or the --data-dir of the gateway")
	}
	return fmt.Errorf("%s refuses the admin token", r.gateways.urls[0])
}

// awaitShow waits until each gateway sells seats of the show: they learn of a new
// one within a second.
func (r *run) awaitShow(ctx context.Context) error {
	for home := range r.gateways.urls {
		for {
			at := home
			a, err := r.gateways.do(ctx, &at, request{method: http.MethodGet, path: "/v1/shows/" + r.show + "/seats/state"})
			if err != nil {
				return err
			}
			if a.status == http.StatusOK {
				break
			}
			if !pause(ctx, 200*time.Millisecond) {
				return fmt.Errorf("the show does not open: %s", a)
			}
		}
	}
	return nil
}

// readShow learns what visitors need to know of the show, and refuses one that
// nobody can join.
func (r *run) readShow(ctx context.Context) error {
	home := 0
	a, err := r.gateways.do(ctx, &home, request{method: http.MethodGet, path: "/v1/shows/" + r.show})
	if err != nil {
		return err
	}
	var show struct {
		Phase    string `json:"phase"`
		MaxSeats int    `json:"max_seats"`
	}
	switch {
	case a.problem() == "show_not_found":
		return fmt.Errorf("there is no show %s at %s", r.show, r.gateways.urls[0])
	case a.status != http.StatusOK || a.into(&show) != nil:
		return fmt.Errorf("show %s: %s", r.show, a)
	case show.Phase != "open":
		return fmt.Errorf("show %s is %s: nobody can join its queue", r.show, show.Phase)
	}
	r.maxSeats = show.MaxSeats
	if err := r.readRules(ctx); err != nil {
		return err
	}
	return r.readLayout(ctx)
}

// longestSleep bounds how long a phone sleeps: at a show that forgives more, it
// comes back before it is absent.
const longestSleep = 5 * time.Minute

func (r *run) readRules(ctx context.Context) error {
	a, err := r.admin(ctx, http.MethodGet, "/shows/"+r.show+"/admission", nil)
	if err != nil {
		return err
	}
	var rules struct {
		Absence int `json:"absence_seconds"`
		Claim   int `json:"claim_seconds"`
		Return  int `json:"return_seconds"`
	}
	switch {
	case a.problem() == "admin_required":
		return r.refused()
	case a.status != http.StatusOK || a.into(&rules) != nil:
		return fmt.Errorf("rules of show %s: %s", r.show, a)
	}
	absence, claim := time.Duration(rules.Absence)*time.Second, time.Duration(rules.Claim)*time.Second
	r.sleepFor = min(absence*3/2, longestSleep)
	r.silence = min(absence, claim)
	r.forgiven = r.sleepFor+r.silence < time.Duration(rules.Return)*time.Second
	return nil
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

// cleanUp closes the show that the run made for itself, and deletes it if nothing
// was sold and nothing broke. It works after the run was cut short, too.
func (r *run) cleanUp(ctx context.Context, keep bool) error {
	if !r.made {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	a, err := r.admin(ctx, http.MethodPost, "/shows/"+r.show+"/close", nil)
	if err == nil && a.status != http.StatusOK && a.status != http.StatusNotFound {
		err = fmt.Errorf("%s", a)
	}
	if err != nil {
		return fmt.Errorf("show %s may be left open: %w", r.show, err)
	}
	if keep {
		return nil
	}
	// The gateway refuses while something is sold or held, which is as it should be.
	if _, err := r.admin(ctx, http.MethodDelete, "/shows/"+r.show, nil); err != nil {
		return fmt.Errorf("show %s is closed, but may be left: %w", r.show, err)
	}
	return nil
}
