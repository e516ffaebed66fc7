package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// Timeline is the way of an order as it is told. Hangs, and the words of the house, are
// for operators alone.
type Timeline struct {
	Order   string   `json:"order"`
	Show    string   `json:"show"`
	State   string   `json:"state"`
	TraceID string   `json:"trace_id"`
	Steps   []Step   `json:"steps"`
	More    bool     `json:"more"`
	Hangs   []string `json:"hangs,omitempty"`
}

// Step is one step of it.
type Step struct {
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Outcome  string    `json:"outcome,omitempty"`
	TookMS   *float64  `json:"took_ms,omitempty"`
	Type     string    `json:"type,omitempty"`
	Listener string    `json:"listener,omitempty"`
	Try      int       `json:"try,omitempty"`
	By       string    `json:"by,omitempty"`
	Event    string    `json:"event,omitempty"`
	Detail   string    `json:"detail,omitempty"`
}

// NewTimeline is a timeline as operators are told it.
func NewTimeline(t booking.Timeline) Timeline {
	told := Timeline{Order: t.Order.ID, Show: t.Order.Show, State: t.Order.State, TraceID: t.Order.Trace, More: t.More, Hangs: t.Hangs}
	for _, s := range t.Steps {
		step := Step{
			At: *timeOf(&s.At), Kind: s.Kind, Outcome: s.Outcome, Type: s.Type, Listener: s.Listener, Try: s.Try, By: s.By,
			Event: s.Event, Detail: s.Detail,
		}
		if s.TookUs > 0 {
			ms := float64(s.TookUs) / 1000
			step.TookMS = &ms
		}
		told.Steps = append(told.Steps, step)
	}
	return told
}

// public leaves out what is nobody's business but the operator's.
func (t Timeline) public() Timeline {
	t.Hangs = nil
	for i := range t.Steps {
		t.Steps[i].Event, t.Steps[i].Detail = "", ""
	}
	return t
}

// showTimeline serves the page of it; its script asks who looks.
func (a *API) showTimeline(c *gin.Context) {
	a.html(c, http.StatusOK, "timeline.html", c.Param("order"))
}

func (a *API) getTimeline(c *gin.Context) {
	who, err := a.owner(c)
	if err == nil {
		_, err = a.Store.FindOrder(c.Request.Context(), who.visitor, c.Param("order"))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	timeline, err := a.Store.Timeline(c.Request.Context(), c.Param("order"))
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, NewTimeline(timeline).public())
}

func (a *API) getAnyTimeline(c *gin.Context) {
	timeline, err := a.Store.Timeline(c.Request.Context(), c.Param("order"))
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, NewTimeline(timeline))
}
