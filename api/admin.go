package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
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
	kept, err := a.Store.QueueState(c.Request.Context(), show.ID)
	if err != nil {
		return adminShowJSON{}, err
	}
	return adminShowJSON{
		showJSON: public, MaxWaiting: show.MaxWaiting, Message: show.Message, RulesVersion: show.RulesVersion,
		Generation: kept.Generation, Epoch: kept.Epoch, Admission: rules,
	}, nil
}

// adminShow finds the show of the path in the database: the operator has just
// changed it, perhaps on another gateway.
func (a *API) adminShow(c *gin.Context) (booking.Show, error) {
	return a.Store.FindShow(c.Request.Context(), c.Param("show"))
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
	c.Header("ETag", etagOf(show))
	c.JSON(code, answer)
}

// changed puts a changed show in force here and now; other gateways and, should
// this fail, this one follow within a second.
func (a *API) changed(c *gin.Context, show booking.Show) {
	ctx := c.Request.Context()
	if err := a.Catalogue.RunOnce(ctx); err != nil {
		a.logOf(c).Warn("catalogue not refreshed", "error", err)
	}
	known, err := QueueShow(show)
	if err != nil {
		a.logOf(c).Error("rules of a show cannot be read", "show", show.ID, "error", err)
		return
	}
	if room, err := a.Queue.Room(show.ID); err == nil {
		if err := room.Apply(ctx, known); err != nil {
			a.logOf(c).Warn("rules not in force yet", "show", show.ID, "error", err)
		}
	}
}

func (a *API) listAdminShows(c *gin.Context) {
	if err := a.Catalogue.RunOnce(c.Request.Context()); err != nil {
		a.fail(c, err)
		return
	}
	shows := []adminShowJSON{}
	for _, show := range a.Catalogue.All() {
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
	if err == nil {
		var rules queue.Rules
		if rules, err = ReadRules(spec.Admission); err == nil {
			err = a.mayAsk(rules)
		}
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	show, err := a.Store.CreateShow(c.Request.Context(), spec)
	if err == nil {
		a.changed(c, show)
	}
	a.tellShow(c, http.StatusCreated, show, err)
}

func (a *API) patchShow(c *gin.Context) {
	var body booking.ShowPatch
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	if p := body.Phase; p != nil && *p != booking.PhaseLobby && *p != booking.PhaseOpen && *p != booking.PhaseClosed {
		a.fail(c, invalidField("phase", "must be lobby, open or closed"))
		return
	}
	show, err := a.Store.PatchShow(c.Request.Context(), c.Param("show"), body)
	if err == nil {
		a.changed(c, show)
	}
	a.tellShow(c, http.StatusOK, show, err)
}

func (a *API) deleteShow(c *gin.Context) {
	ctx := c.Request.Context()
	if err := a.Store.DeleteShow(ctx, c.Param("show")); err != nil {
		a.fail(c, err)
		return
	}
	if err := a.Catalogue.RunOnce(ctx); err != nil {
		a.logOf(c).Warn("catalogue not refreshed", "error", err)
	}
	if err := a.Queue.Discard(ctx, c.Param("show")); err != nil {
		a.logOf(c).Warn("room not removed", "error", err)
	}
	c.Status(http.StatusNoContent)
}

func (a *API) pause(c *gin.Context)  { a.setPaused(c, true) }
func (a *API) resume(c *gin.Context) { a.setPaused(c, false) }
func (a *API) lobby(c *gin.Context)  { a.setPhase(c, booking.PhaseLobby) }
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
	show, err := a.Store.SetPhase(c.Request.Context(), c.Param("show"), phase)
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
	show, err := a.Store.SetMessage(c.Request.Context(), c.Param("show"), body.Text)
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
