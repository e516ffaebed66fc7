package simulate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"frontrow/internal/invariant"
)

// habit is what a visitor is like.
type habit int

const (
	buyer   habit = iota
	changer       // lets seats go and takes others
	twice         // joins and pays twice, as a second tab would
	sleeper       // is not heard of for a while, and comes back
	giverUp       // leaves while waiting
	quitter       // leaves from inside
	noShow        // is never heard of again
	pusher        // tries what nobody may
)

// habits lists how many of a hundred visitors are like what.
var habits = []struct {
	habit habit
	share int
}{{buyer, 62}, {changer, 8}, {twice, 8}, {sleeper, 6}, {giverUp, 5}, {quitter, 4}, {noShow, 3}, {pusher, 4}}

func drawHabit(random *rand.Rand) habit {
	n := random.IntN(100)
	for _, h := range habits {
		if n -= h.share; n < 0 {
			return h.habit
		}
	}
	return buyer
}

// visitor is one person with one browser.
type visitor struct {
	id     int
	habit  habit
	random *rand.Rand
	home   int
	run    *run
	place  place
	token  string
	pass   string
	charge int
}

// status is a poll's answer, as far as visitors look at it.
type status struct {
	State       string `json:"state"`
	PollAfterMS int    `json:"poll_after_ms"`
	Token       string `json:"token"`
	Pass        string `json:"pass"`
}

// errDone ends a visit whose outcome is noted.
var errDone = errors.New("done")

// visit is a whole visit, from the join to the seat or the disappointment.
func (v *visitor) visit(ctx context.Context) {
	err := v.join(ctx)
	if err == nil {
		err = v.wait(ctx)
	}
	if err == nil {
		err = v.shop(ctx)
	}
	switch {
	case err == nil, errors.Is(err, errDone):
	case ctx.Err() != nil:
		v.run.witness.outcome("cut short")
	default:
		v.run.witness.outcome("gave up: " + err.Error())
	}
}

func (v *visitor) ask(ctx context.Context, r request) (answer, error) {
	return v.run.gateways.do(ctx, &v.home, r)
}

func (v *visitor) queue() string { return "/v1/shows/" + v.run.show + "/queue" }

func (v *visitor) join(ctx context.Context) error {
	v.place.asked = time.Now()
	a, err := v.ask(ctx, request{method: http.MethodPost, path: v.queue()})
	if err != nil {
		return err
	}
	var s status
	if a.status != http.StatusCreated || a.into(&s) != nil || s.Token == "" {
		if a.problem() != "queue_closed" {
			v.run.witness.surprise("join", a)
		}
		v.run.witness.outcome("turned away")
		return errDone
	}
	v.place.told, v.token = time.Now(), s.Token
	return nil
}

// wait polls as told until inside.
func (v *visitor) wait(ctx context.Context) error {
	polls, leaveAfter := 0, 1+v.random.IntN(4)
	for {
		s, err := v.poll(ctx)
		if err != nil {
			return err
		}
		switch s.State {
		case "admitted":
			v.entered()
			return nil
		case "waiting":
		default:
			if v.habit != sleeper {
				v.run.witness.broken(invariant.PlaceSurvives, "visitor %d, who polled as told, is %s", v.id, s.State)
			}
			v.run.witness.outcome(s.State)
			return errDone
		}
		polls++
		if err := v.whileWaiting(ctx, polls, leaveAfter); err != nil {
			return err
		}
		if !pause(ctx, time.Duration(s.PollAfterMS)*time.Millisecond) {
			return ctx.Err()
		}
	}
}

func (v *visitor) poll(ctx context.Context) (s status, err error) {
	a, err := v.ask(ctx, request{method: http.MethodGet, path: v.queue(), bearer: v.token})
	if err != nil {
		return s, err
	}
	if a.status != http.StatusOK || a.into(&s) != nil {
		v.run.witness.surprise("poll", a)
		return s, fmt.Errorf("poll answered %d", a.status)
	}
	if s.Token != "" {
		v.token = s.Token
	}
	v.pass = s.Pass
	return s, nil
}

// entered notes the number that the pass tells.
func (v *visitor) entered() {
	parts := strings.Split(v.pass, ".")
	var claims struct {
		Number int64 `json:"num"`
	}
	if len(parts) == 3 {
		raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(raw, &claims)
	}
	v.place.number = claims.Number
	v.run.witness.admitted(v.place)
}

// whileWaiting does what some people do instead of waiting.
func (v *visitor) whileWaiting(ctx context.Context, polls, leaveAfter int) error {
	switch {
	case v.habit == noShow && polls >= leaveAfter:
		v.run.witness.outcome("never came back")
		return errDone
	case v.habit == giverUp && polls >= leaveAfter:
		return v.leave(ctx, "left the line")
	case v.habit == sleeper && polls == leaveAfter:
		if !pause(ctx, v.run.sleepFor) {
			return ctx.Err()
		}
	case v.habit == twice && polls == 1:
		a, err := v.ask(ctx, request{method: http.MethodPost, path: v.queue(), bearer: v.token})
		if err != nil {
			return err
		}
		if a.status == http.StatusCreated {
			v.run.witness.broken(invariant.OnePlace, "visitor %d was given a second place", v.id)
		}
		var s status
		if a.into(&s) == nil && s.Token != "" {
			v.token = s.Token
		}
	case v.habit == pusher && polls == 1:
		return v.push(ctx, "while waiting", v.token)
	}
	return nil
}

// push tries to hold seats with what proves no admission.
func (v *visitor) push(ctx context.Context, when, bearer string) error {
	a, err := v.ask(ctx, request{
		method: http.MethodPost, path: "/v1/shows/" + v.run.show + "/holds", bearer: bearer,
		body: map[string]any{"seats": []string{v.run.seats[v.random.IntN(len(v.run.seats))]}},
	})
	if err != nil {
		return err
	}
	if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		v.run.witness.broken(invariant.PassNeeded, "visitor %d held seats %s: %s", v.id, when, a)
	}
	return nil
}

func (v *visitor) leave(ctx context.Context, outcome string) error {
	a, err := v.ask(ctx, request{method: http.MethodDelete, path: v.queue(), bearer: v.token})
	if err != nil {
		return err
	}
	if a.status != http.StatusNoContent {
		v.run.witness.surprise("leave", a)
	}
	v.run.witness.outcome(outcome)
	return errDone
}

// wanted is how many seats a visitor wants.
func (v *visitor) wanted() int { return 1 + v.random.IntN(min(2, v.run.maxSeats)) }

// freeSeats are the seats that look free, in the order of the layout.
func (v *visitor) freeSeats(ctx context.Context) ([]string, error) {
	a, err := v.ask(ctx, request{method: http.MethodGet, path: "/v1/shows/" + v.run.show + "/seats/state"})
	if err != nil {
		return nil, err
	}
	var s struct {
		States string `json:"states"`
	}
	if a.status != http.StatusOK || a.into(&s) != nil || len(s.States) != len(v.run.seats) {
		v.run.witness.surprise("seats", a)
		return nil, fmt.Errorf("seats answered %d", a.status)
	}
	var free []string
	for i, letter := range s.States {
		if letter == 'f' {
			free = append(free, v.run.seats[i])
		}
	}
	return free, nil
}

// choose picks seats beside each other; every second visitor wants the very best,
// as everybody does.
func (v *visitor) choose(free []string) []string {
	n := min(v.wanted(), len(free))
	from := 0
	if v.random.IntN(2) == 0 {
		from = v.random.IntN(len(free) - n + 1)
	} else {
		from = v.random.IntN(min(len(free)-n+1, 20))
	}
	return slices.Clone(free[from : from+n])
}
