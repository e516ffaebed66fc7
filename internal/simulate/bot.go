package simulate

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"frontrow/internal/invariant"
)

// botCounts are the joins of bots, beside the first of each.
type botCounts struct {
	replays, places, refused atomic.Int64
}

// mostRefused is how many refusals in a row make a bot give it up.
const mostRefused = 20

// joinAgain joins many times more: as somebody new, whose place is then abandoned, and
// as the same visitor, with the oldest token and the newest in turn. None of it may
// gain anything. Gateways may refuse as much of it as they like.
func (v *visitor) joinAgain(ctx context.Context) error {
	again, asNew := v.run.botJoins, v.run.botsAsNew
	oldest, abandoned, refusals := v.token, "", 0
	for i := range again {
		bearer := oldest
		switch {
		case i < asNew:
			bearer = ""
		case i%2 == 0:
			bearer = v.token
		}
		a, err := v.run.gateways.once(ctx, v.run.gateways.urls[v.home%len(v.run.gateways.urls)],
			request{method: http.MethodPost, path: v.queue(), bearer: bearer, waits: true}, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || a.later() {
			v.run.bots.refused.Add(1)
			if err != nil {
				v.home++
			}
			if refusals++; refusals == mostRefused || !pause(ctx, min(max(a.after, 200*time.Millisecond), longestLater)) {
				break
			}
			continue
		}
		refusals = 0
		s, err := v.judgeJoin(a, bearer)
		if err != nil {
			return err
		}
		if bearer == "" {
			abandoned = s.Token
			continue
		}
		v.token = s.Token
		if s.State == "admitted" {
			break // the next join might come after the session
		}
	}
	if !v.late {
		v.tokens = append(v.tokens, oldest)
	}
	if abandoned != "" {
		return v.push(ctx, "with the token of an abandoned place", abandoned)
	}
	return ctx.Err()
}

// judgeJoin looks at what a bot's join gave.
func (v *visitor) judgeJoin(a answer, bearer string) (s status, err error) {
	switch {
	case a.into(&s) != nil || s.Token == "":
		return s, v.turnedAway(a)
	case bearer == "":
		v.run.bots.places.Add(1)
		if a.status != http.StatusCreated {
			v.run.witness.broken(invariant.OnePlace, "bot %d joined as nobody and was given somebody's place: %s", v.id, a)
		}
	default:
		v.run.bots.replays.Add(1)
		v.hear(a)
		switch {
		case a.status != http.StatusCreated:
			v.run.witness.sees(invariant.OnePlace)
		case v.late: // the first place may have run out, and this is a new one, at the end
			v.place.asked, v.place.told = a.sent, time.Now()
		default:
			v.run.witness.broken(invariant.OnePlace, "bot %d was given a second place for one token", v.id)
		}
	}
	return s, nil
}
