package api

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

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
	known := queue.Show{
		ID: show.ID, CreatedAt: show.CreatedAt, Phase: queue.Phase(show.Phase), Message: show.Message, MaxWaiting: show.MaxWaiting,
		Rules: rules, RulesVersion: show.RulesVersion,
	}
	if show.SeatCount == 0 {
		known.Rules.SeatsPerVisitorPercent = 0 // what is sold elsewhere is not counted here
	}
	if show.StartsAt != nil {
		known.StartsAt = *show.StartsAt
	}
	if show.Draw != nil {
		known.Draw = &queue.DrawPlan{Beacon: show.Draw.Beacon}
	}
	return known, err
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
	c.Header("ETag", etagOf(show))
	c.JSON(http.StatusOK, rules)
}

func (a *API) patchAdmission(c *gin.Context) {
	var body json.RawMessage
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	show, err := a.changeRules(c, func(rules *queue.Rules) error {
		before := rules.Identity
		if err := decode(body, rules); err != nil || rules.Identity == before {
			return err
		}
		return a.mayAsk(*rules)
	})
	var rules queue.Rules
	if err == nil {
		rules, err = ReadRules(show.Rules)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("ETag", etagOf(show))
	c.JSON(http.StatusOK, rules)
}

// changeRules changes rules as they are in the database, checks the outcome whole,
// and puts it in force.
func (a *API) changeRules(c *gin.Context, change func(*queue.Rules) error) (booking.Show, error) {
	show, err := a.Store.ChangeRules(c.Request.Context(), c.Param("show"), func(old json.RawMessage) (json.RawMessage, error) {
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
