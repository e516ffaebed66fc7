package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/internal/invariant"
)

// statsJSON are a show's figures.
type statsJSON struct {
	Show           string      `json:"show"`
	Phase          string      `json:"phase"`
	Paused         bool        `json:"paused"`
	Recovering     bool        `json:"recovering"`
	Waiting        int64       `json:"waiting"`
	Lobby          int64       `json:"lobby"`
	Present        int64       `json:"present"`
	Away           int64       `json:"away"`
	Active         int64       `json:"active"`
	MaxActive      int64       `json:"max_active"`
	Served         *int64      `json:"served"`
	Holding        int64       `json:"holding"`
	SoldOut        bool        `json:"sold_out"`
	Listed         int64       `json:"listed"`
	Joined         int64       `json:"joined"`
	Admitted       int64       `json:"admitted"`
	Claimed        int64       `json:"claimed"`
	Missed         int64       `json:"missed"`
	Left           int64       `json:"left"`
	Expired        int64       `json:"expired"`
	Finished       int64       `json:"finished"`
	LeftWaiting    int64       `json:"left_waiting"`
	ExpiredWaiting int64       `json:"expired_waiting"`
	Rate           *float64    `json:"rate_per_second"`
	Wait           waitJSON    `json:"wait_seconds"`
	Stay           *float64    `json:"stay_seconds"`
	ETAError       *etaErrJSON `json:"eta_error,omitempty"`
	Seats          *seatsJSON  `json:"seats,omitempty"`
	AsOf           time.Time   `json:"as_of"`
}

type waitJSON struct {
	P50 *float64 `json:"p50"`
	P90 *float64 `json:"p90"`
}

type etaErrJSON struct {
	Inside float64 `json:"inside"`
}

func (a *API) stats(c *gin.Context) {
	show, err := a.adminShow(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	if show.Phase == booking.PhaseDraft {
		rules, err := ReadRules(show.Rules)
		if err != nil {
			a.fail(c, err)
			return
		}
		c.JSON(http.StatusOK, statsJSON{
			Show: show.ID, Phase: show.Phase, Paused: rules.Paused, MaxActive: int64(rules.MaxActive), AsOf: a.Now().UTC(),
		})
		return
	}
	room, _, err := a.room(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	s, err := room.Stats(c.Request.Context())
	if err != nil {
		a.fail(c, err)
		return
	}
	t := s.Totals
	answer := statsJSON{
		Show: s.Show, Phase: string(s.Phase), Paused: s.Paused, Recovering: s.Recovering,
		Lobby: s.Lobby, Waiting: s.Waiting, Present: s.Present, Away: s.Away, Active: t.Active, MaxActive: s.MaxActive,
		Holding: s.Holding, SoldOut: s.SoldOut, Listed: s.Listed,
		Joined: t.Joined, Admitted: t.Admitted, Claimed: t.Claimed, Missed: t.Missed, Left: t.Left,
		Expired: t.Expired, Finished: t.Finished, LeftWaiting: t.LeftWaiting, ExpiredWaiting: t.ExpiredWaiting,
		Seats: a.seatsJSON(c, show), AsOf: s.AsOf,
	}
	if s.Served >= 0 {
		answer.Served = &s.Served
	}
	if s.Rate > 0 {
		answer.Rate = &s.Rate
	}
	if s.Stay > 0 {
		stay := s.Stay.Seconds()
		answer.Stay = &stay
	}
	if s.Waits.Count > 0 {
		p50, p90 := s.Waits.P50.Seconds(), s.Waits.P90.Seconds()
		answer.Wait = waitJSON{&p50, &p90}
	}
	if s.Waits.Foretold > 0 {
		answer.ETAError = &etaErrJSON{s.Waits.InsideRatio()}
	}
	c.JSON(http.StatusOK, answer)
}

// Verified are the invariants that can be seen broken on what is stored. The others,
// place-survives and pass-needed, only a witness can tell: the simulator is one.
var Verified = []string{
	invariant.SoldOnce, invariant.PaidIsKept, invariant.MoneyBalances, invariant.Settled, invariant.Cap, invariant.Rate,
	invariant.InOrder, invariant.OnePlace, invariant.ToldOnce, invariant.Limit, invariant.AsDrawn,
}

func (a *API) verdict(c *gin.Context) {
	show := c.Query("show")
	ctx := c.Request.Context()
	if show != "" {
		if _, err := a.Store.FindShow(ctx, show); err != nil {
			a.fail(c, err)
			return
		}
	}
	found, err := a.Verify(ctx, show)
	if err != nil {
		a.fail(c, err)
		return
	}
	if found == nil {
		found = []invariant.Violation{}
	}
	c.JSON(http.StatusOK, gin.H{"violations": found, "checked": Verified})
}
