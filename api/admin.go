package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/internal/invariant"
	"frontrow/queue"
)

// adminShowJSON is a show as the operator sees it.
type adminShowJSON struct {
	showJSON
	MaxWaiting   int         `json:"max_waiting"`
	Message      string      `json:"message"`
	RulesVersion int64       `json:"rules_version"`
	Generation   int64       `json:"generation"`
	Epoch        int64       `json:"epoch"`
	Admission    queue.Rules `json:"admission"`
}

func (a *API) adminShowJSON(c *gin.Context, show booking.Show) (adminShowJSON, error) {
	public, err := a.showJSON(c, show)
	if err != nil {
		return adminShowJSON{}, err
	}
	rules, err := ReadRules(show.Rules)
	if err != nil {
		return adminShowJSON{}, err
	}
	kept, err := a.store.QueueState(c.Request.Context(), show.ID)
	if err != nil {
		return adminShowJSON{}, err
	}
	return adminShowJSON{
		showJSON: public, MaxWaiting: show.MaxWaiting, Message: show.Message, RulesVersion: show.RulesVersion,
		Generation: kept.Generation, Epoch: kept.Epoch, Admission: rules,
	}, nil
}

// ReadRules reads the rules that a show was stored with; what they leave out is
// as in queue.DefaultRules. May return a problem, or a queue.RulesError.
func ReadRules(raw json.RawMessage) (queue.Rules, error) {
	rules := queue.DefaultRules()
	if len(raw) > 0 {
		if err := decode(raw, &rules); err != nil {
			return rules, err
		}
	}
	return rules, rules.Validate()
}

// QueueShow is what the queue needs to know of a show of the sale.
func QueueShow(show booking.Show) (queue.Show, error) {
	rules, err := ReadRules(show.Rules)
	return queue.Show{
		ID: show.ID, CreatedAt: show.CreatedAt, Phase: queue.Phase(show.Phase), Message: show.Message, MaxWaiting: show.MaxWaiting,
		Rules: rules, RulesVersion: show.RulesVersion,
	}, err
}

// adminShow finds the show of the path in the database: the operator has just
// changed it, perhaps on another gateway.
func (a *API) adminShow(c *gin.Context) (booking.Show, error) {
	return a.store.FindShow(c.Request.Context(), c.Param("show"))
}

// tellShow answers with a show, or with why not.
func (a *API) tellShow(c *gin.Context, code int, show booking.Show, err error) {
	var answer adminShowJSON
	if err == nil {
		answer, err = a.adminShowJSON(c, show)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(code, answer)
}

// changed puts a changed show in force here and now; other gateways and, should
// this fail, this one follow within a second.
func (a *API) changed(c *gin.Context, show booking.Show) {
	ctx := c.Request.Context()
	if err := a.shows.RunOnce(ctx); err != nil {
		a.logOf(c).Warn("catalogue not refreshed", "error", err)
	}
	known, err := QueueShow(show)
	if err != nil {
		a.logOf(c).Error("rules of a show cannot be read", "show", show.ID, "error", err)
		return
	}
	if room, err := a.rooms.Room(show.ID); err == nil {
		if err := room.Apply(ctx, known); err != nil {
			a.logOf(c).Warn("rules not in force yet", "show", show.ID, "error", err)
		}
	}
}

func (a *API) listAdminShows(c *gin.Context) {
	if err := a.shows.RunOnce(c.Request.Context()); err != nil {
		a.fail(c, err)
		return
	}
	shows := []adminShowJSON{}
	for _, show := range a.shows.All() {
		s, err := a.adminShowJSON(c, show)
		if err != nil {
			a.fail(c, err)
			return
		}
		shows = append(shows, s)
	}
	c.JSON(http.StatusOK, gin.H{"shows": shows})
}

func (a *API) getAdminShow(c *gin.Context) {
	show, err := a.adminShow(c)
	a.tellShow(c, http.StatusOK, show, err)
}

func (a *API) createShow(c *gin.Context) {
	var spec booking.Spec
	if err := read(c, &spec, mostShow); err != nil {
		a.fail(c, err)
		return
	}
	spec, err := WithRules(spec)
	if err != nil {
		a.fail(c, err)
		return
	}
	show, err := a.store.CreateShow(c.Request.Context(), spec)
	if err == nil {
		a.changed(c, show)
	}
	a.tellShow(c, http.StatusCreated, show, err)
}

// WithRules checks a show's description whole, rules of admission included, and
// writes the rules out in full. May return a *booking.InvalidError or a problem.
func WithRules(spec booking.Spec) (booking.Spec, error) {
	rules, err := ReadRules(spec.Admission)
	if err != nil {
		return spec, err
	}
	if err := spec.Validate(); err != nil {
		return spec, err
	}
	spec.Admission, err = json.Marshal(rules)
	return spec, err
}

func (a *API) patchShow(c *gin.Context) {
	var body booking.ShowPatch
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	if p := body.Phase; p != nil && *p != booking.PhaseOpen && *p != booking.PhaseClosed {
		a.fail(c, invalidField("phase", "must be open or closed"))
		return
	}
	show, err := a.store.PatchShow(c.Request.Context(), c.Param("show"), body)
	if err == nil {
		a.changed(c, show)
	}
	a.tellShow(c, http.StatusOK, show, err)
}

func (a *API) deleteShow(c *gin.Context) {
	ctx := c.Request.Context()
	if err := a.store.DeleteShow(ctx, c.Param("show")); err != nil {
		a.fail(c, err)
		return
	}
	if err := a.shows.RunOnce(ctx); err != nil {
		a.logOf(c).Warn("catalogue not refreshed", "error", err)
	}
	if err := a.rooms.Discard(ctx, c.Param("show")); err != nil {
		a.logOf(c).Warn("room not removed", "error", err)
	}
	c.Status(http.StatusNoContent)
}

func (a *API) getAdmission(c *gin.Context) {
	show, err := a.adminShow(c)
	var rules queue.Rules
	if err == nil {
		rules, err = ReadRules(show.Rules)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, rules)
}

func (a *API) patchAdmission(c *gin.Context) {
	var body json.RawMessage
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	show, err := a.changeRules(c, func(rules *queue.Rules) error { return decode(body, rules) })
	var rules queue.Rules
	if err == nil {
		rules, err = ReadRules(show.Rules)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, rules)
}

// changeRules changes rules as they are in the database, checks the outcome whole,
// and puts it in force.
func (a *API) changeRules(c *gin.Context, change func(*queue.Rules) error) (booking.Show, error) {
	show, err := a.store.ChangeRules(c.Request.Context(), c.Param("show"), func(old json.RawMessage) (json.RawMessage, error) {
		rules, err := ReadRules(old)
		if err != nil {
			return nil, err
		}
		if err := change(&rules); err != nil {
			return nil, err
		}
		if err := rules.Validate(); err != nil {
			return nil, err
		}
		return json.Marshal(rules)
	})
	if err == nil {
		a.changed(c, show)
	}
	return show, err
}

func (a *API) pause(c *gin.Context)  { a.setPaused(c, true) }
func (a *API) resume(c *gin.Context) { a.setPaused(c, false) }
func (a *API) open(c *gin.Context)   { a.setPhase(c, booking.PhaseOpen) }
func (a *API) close(c *gin.Context)  { a.setPhase(c, booking.PhaseClosed) }

func (a *API) setPaused(c *gin.Context, paused bool) {
	show, err := a.changeRules(c, func(rules *queue.Rules) error {
		rules.Paused = paused
		return nil
	})
	a.tellShow(c, http.StatusOK, show, err)
}

func (a *API) setPhase(c *gin.Context, phase string) {
	show, err := a.store.SetPhase(c.Request.Context(), c.Param("show"), phase)
	if err == nil {
		a.changed(c, show)
	}
	a.tellShow(c, http.StatusOK, show, err)
}

func (a *API) setMessage(c *gin.Context) {
	var body struct {
		Text string `json:"text"`
	}
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	show, err := a.store.SetMessage(c.Request.Context(), c.Param("show"), body.Text)
	if err == nil {
		a.changed(c, show)
	}
	a.tellShow(c, http.StatusOK, show, err)
}

// reset starts a show's queue anew; the show's id says that it is meant.
func (a *API) reset(c *gin.Context) {
	var body struct {
		Confirm string `json:"confirm"`
	}
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	show, err := a.adminShow(c)
	if err == nil && body.Confirm != show.ID {
		err = invalidField("confirm", "must be the show's id")
	}
	if err == nil && show.Phase == booking.PhaseDraft {
		err = invalidField("confirm", "a draft has no queue yet")
	}
	var room *queue.Room
	if err == nil {
		room, _, err = a.room(c)
	}
	if err == nil {
		err = room.Reset(c.Request.Context())
	}
	a.tellShow(c, http.StatusOK, show, err)
}

// statsJSON are a show's figures.
type statsJSON struct {
	Show           string      `json:"show"`
	Phase          string      `json:"phase"`
	Paused         bool        `json:"paused"`
	Recovering     bool        `json:"recovering"`
	Waiting        int64       `json:"waiting"`
	Present        int64       `json:"present"`
	Away           int64       `json:"away"`
	Active         int64       `json:"active"`
	MaxActive      int64       `json:"max_active"`
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
			Show: show.ID, Phase: show.Phase, Paused: rules.Paused, MaxActive: int64(rules.MaxActive), AsOf: a.now().UTC(),
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
		Waiting: s.Waiting, Present: s.Present, Away: s.Away, Active: t.Active, MaxActive: s.MaxActive,
		Joined: t.Joined, Admitted: t.Admitted, Claimed: t.Claimed, Missed: t.Missed, Left: t.Left,
		Expired: t.Expired, Finished: t.Finished, LeftWaiting: t.LeftWaiting, ExpiredWaiting: t.ExpiredWaiting,
		Seats: a.seatsJSON(c, show), AsOf: s.AsOf,
	}
	if s.Rate > 0 {
		answer.Rate = &s.Rate
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
	invariant.SoldOnce, invariant.PaidIsKept, invariant.MoneyBalances, invariant.Cap, invariant.Rate,
	invariant.InOrder, invariant.OnePlace, invariant.ToldOnce, invariant.Limit,
}

func (a *API) verdict(c *gin.Context) {
	show := c.Query("show")
	ctx := c.Request.Context()
	if show != "" {
		if _, err := a.store.FindShow(ctx, show); err != nil {
			a.fail(c, err)
			return
		}
	}
	found, err := a.verify(ctx, show)
	if err != nil {
		a.fail(c, err)
		return
	}
	if found == nil {
		found = []invariant.Violation{}
	}
	c.JSON(http.StatusOK, gin.H{"violations": found, "checked": Verified})
}
