package simulate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"frontrow/internal/invariant"
)

// visitor is one person with one browser.
type visitor struct {
	person
	id      int
	random  *rand.Rand
	run     *run
	place   place
	token   string
	pass    string
	cookies *cookies // of those who have many tabs
	tokens  []string // all that the tabs, or a bot's joins, were given
	charges int
	heard   time.Time // when the last poll or join went out that was answered
	slept   time.Duration

	insideAsOf time.Time // of the picture of the line by which they were last told that they are inside

	late    bool // this machine was too slow to let the visitor poll as told
	reached phase
}

// status is a poll's answer, as far as visitors look at it.
type status struct {
	State       string    `json:"state"`
	PollAfterMS int       `json:"poll_after_ms"`
	Token       string    `json:"token"`
	Pass        string    `json:"pass"`
	ETA         *foretold `json:"eta"`
	AsOf        time.Time `json:"as_of"`
}

// foretold is the wait that a visitor is told, in seconds.
type foretold struct {
	Low  int `json:"low_seconds"`
	High int `json:"high_seconds"`
}

// ended ends a visit: it says how.
type ended string

func (e ended) Error() string { return string(e) }

// visit is a whole visit, from the join to the seat or the disappointment. Each has
// one outcome.
func (v *visitor) visit(ctx context.Context) {
	err := v.join(ctx)
	if err == nil {
		err = v.wait(ctx)
	}
	if err == nil {
		err = v.shop(ctx)
	}
	if ctx.Err() != nil {
		return // cut short: there is no verdict
	}
	if v.late {
		v.run.late.Add(1)
	}
	v.run.phases.leave(v.reached)
	v.run.witness.outcome(v.profile, outcomeOf(err))
}

func outcomeOf(err error) string {
	var end ended
	switch {
	case errors.As(err, &end):
		return string(end)
	case errors.Is(err, errNobody):
		return "gave up: " + errNobody.Error()
	default:
		return "gave up: " + err.Error()
	}
}

func (v *visitor) ask(ctx context.Context, r request) (answer, error) {
	r.waits = v.reached <= waits
	return v.run.gateways.do(ctx, &v.home, r)
}

func (v *visitor) queue() string { return "/v1/shows/" + v.run.show + "/queue" }

// prove adds to a request what says who asks: the cookies of a browser, or else what
// the visitor holds.
func (v *visitor) prove(r request, bearer string) request {
	if v.cookies != nil {
		r.cookies = v.cookies
	} else {
		r.bearer = bearer
	}
	return r
}

func (v *visitor) join(ctx context.Context) error {
	var s status
	var err error
	v.place.asked = time.Now()
	if v.profile == ManyTabs {
		s, err = v.joinFromTabs(ctx)
	} else {
		s, err = v.joinOnce(ctx)
	}
	if err != nil {
		return err
	}
	v.place.told, v.token, v.place.foretold = time.Now(), s.Token, s.ETA
	v.reached = waits
	v.run.phases.join()
	if v.profile == Bot {
		return v.joinAgain(ctx)
	}
	return nil
}

func (v *visitor) joinOnce(ctx context.Context) (s status, err error) {
	a, err := v.ask(ctx, request{method: http.MethodPost, path: v.queue()})
	if err != nil {
		return s, err
	}
	if a.status != http.StatusCreated || a.into(&s) != nil || s.Token == "" {
		return s, v.turnedAway(a)
	}
	v.heard = a.sent
	return s, nil
}

// turnedAway ends the visit of somebody who got no place.
func (v *visitor) turnedAway(a answer) error {
	switch code := a.problem(); code {
	case "queue_closed", "queue_full", "sold_out":
		return ended("turned away: " + code)
	}
	v.run.witness.surprise("join", a)
	return fmt.Errorf("join answered %d", a.status)
}

// wait polls until inside.
func (v *visitor) wait(ctx context.Context) error {
	told := 0 // polls as told
	for polls := 1; ; polls++ {
		asked := time.Now()
		s, err := v.poll(ctx)
		if err != nil {
			return err
		}
		switch s.State {
		case "admitted":
			return v.enter(ctx)
		case "waiting":
			v.place.waitedAt = asked
		case "sold_out":
			return v.leave(ctx, "sold out")
		default:
			if v.late {
				return ended("came too late")
			}
			if v.profile != SleepingPhone || v.run.forgiven {
				v.run.witness.broken(invariant.PlaceSurvives, "visitor %d (%s), who came back in time, is %s", v.id, v.profile, s.State)
			}
			return ended(s.State)
		}
		after := time.Duration(s.PollAfterMS) * time.Millisecond
		if v.profile == Impatient {
			after /= impatience
		}
		if v.profile != Impatient || polls%impatience == 0 {
			told++
			if err := v.whileWaiting(ctx, told); err != nil {
				return err
			}
		}
		if !pause(ctx, after) {
			return ctx.Err()
		}
	}
}

// impatience is how many times as often as told somebody impatient polls.
const impatience = 4

func (v *visitor) poll(ctx context.Context) (status, error) {
	return v.pollBy(ctx, v.prove(request{}, v.token))
}

// pollBy polls with the proof that the request carries.
func (v *visitor) pollBy(ctx context.Context, r request) (s status, err error) {
	r.method, r.path = http.MethodGet, v.queue()
	v.run.polls.Add(1)
	a, err := v.ask(ctx, r)
	if err != nil {
		return s, err
	}
	v.hear(a)
	if a.status != http.StatusOK || a.into(&s) != nil {
		v.run.witness.surprise("poll", a)
		return s, fmt.Errorf("poll answered %d", a.status)
	}
	if s.Token != "" {
		v.token = s.Token
	}
	v.pass = s.Pass
	if s.State == "admitted" {
		v.insideAsOf = s.AsOf
	}
	return s, nil
}

// hear notes that the visitor was heard of, and whether that was in time. Where more
// people want to poll than this machine can send, some come too late, through no fault
// of the gateway's.
func (v *visitor) hear(a answer) {
	if time.Since(v.heard)-v.slept > v.run.silence {
		v.late = true
	}
	v.heard, v.slept = a.sent, 0
}

// numberOf is the queue number that a pass tells; 0 if it tells none.
func numberOf(pass string) int64 {
	var claims struct {
		Number int64 `json:"num"`
	}
	if parts := strings.Split(pass, "."); len(parts) == 3 {
		raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(raw, &claims)
	}
	return claims.Number
}

// enter notes the number that the pass tells, and looks whether everything else that
// the visitor was given proves the same place.
func (v *visitor) enter(ctx context.Context) error {
	v.reached = isIn
	v.run.phases.enter()
	v.place.enteredAt, v.place.number = time.Now(), numberOf(v.pass)
	// Neither did a sleeper wait as told, nor a bot as people do.
	v.place.steady = v.profile != SleepingPhone && v.profile != Bot && !v.late
	v.run.witness.admitted(v.place)
	pass := v.pass
	for _, token := range v.tokens {
		if err := v.samePlace(ctx, request{bearer: token}); err != nil {
			return err
		}
	}
	if v.pass == "" {
		v.pass = pass
	}
	return nil
}

// oldPictures is how often a visitor asks again who is told what was so before: gateways
// take a new picture of the line every second, and for 15 seconds they keep one that they cannot renew.
const oldPictures = 20

// samePlace polls with another proof of this visitor, which must find the same
// admission: old tokens never jump.
func (v *visitor) samePlace(ctx context.Context, r request) error {
	s, err := v.pollBy(ctx, r)
	if err != nil {
		return err
	}
	// Behind a balancer it may be another gateway, with an older picture of the line.
	for try := 0; try < oldPictures && s.State == "waiting" && s.AsOf.Before(v.insideAsOf) && pause(ctx, time.Second); try++ {
		if s, err = v.pollBy(ctx, r); err != nil {
			return err
		}
	}
	v.run.witness.sees(invariant.OnePlace)
	switch number := numberOf(s.Pass); {
	case s.State == "admitted" && number != v.place.number:
		v.run.witness.broken(invariant.OnePlace, "visitor %d (%s) is inside under numbers %d and %d", v.id, v.profile, v.place.number, number)
	case s.State == "waiting":
		// A Redis that was lost just now puts everybody back; a second place is behind the first.
		if first, err := v.poll(ctx); err == nil && first.State == "admitted" {
			v.run.witness.broken(invariant.OnePlace, "visitor %d (%s) is inside and waits as well", v.id, v.profile)
		}
	}
	return nil
}

// whileWaiting does what some people do instead of waiting; polls are those so far
// that came as told.
func (v *visitor) whileWaiting(ctx context.Context, polls int) error {
	switch seats, err := v.run.seatmap.look(ctx); {
	case err != nil:
		return err
	case seats.soldOut(len(v.run.seats)):
		return v.leave(ctx, "sold out")
	}
	switch {
	case v.profile == NoShow && polls >= v.stays:
		return ended("never came back")
	case v.profile == Impatient && polls >= v.stays:
		return v.leave(ctx, "left the line")
	case v.profile == SleepingPhone && polls == v.stays:
		v.slept = v.run.sleepFor
		if !pause(ctx, v.slept) {
			return ctx.Err()
		}
	case v.profile == Pusher && polls == 1:
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
	v.run.witness.sees(invariant.PassNeeded)
	if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
		v.run.witness.broken(invariant.PassNeeded, "visitor %d (%s) held seats %s: %s", v.id, v.profile, when, a)
	}
	return nil
}

func (v *visitor) leave(ctx context.Context, outcome string) error {
	a, err := v.ask(ctx, v.prove(request{method: http.MethodDelete, path: v.queue()}, v.token))
	if err != nil {
		return err
	}
	if a.status != http.StatusNoContent {
		v.run.witness.surprise("leave", a)
	}
	return ended(outcome)
}
