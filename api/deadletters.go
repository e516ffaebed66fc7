package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// deadLetterJSON is an event that a listener gave up on.
type deadLetterJSON struct {
	Event    string    `json:"event"`
	Type     string    `json:"type"`
	Show     string    `json:"show"`
	Subject  string    `json:"subject"`
	Visitor  string    `json:"visitor"`
	Trace    string    `json:"trace"`
	At       time.Time `json:"at"`
	Listener string    `json:"listener"`
	Tries    int       `json:"tries"`
	Error    string    `json:"error"`
	DeadAt   time.Time `json:"dead_at"`
}

// usualDeadLetters is a page.
const usualDeadLetters = 100

func (a *API) listDeadLetters(c *gin.Context) {
	limit, err := queryNumber(c, "limit", usualDeadLetters, 1, booking.MostDeadLetters)
	var letters []booking.DeadLetter
	if err == nil {
		letters, err = a.Store.DeadLetters(c.Request.Context(), booking.DeadLettersQuery{
			Show: c.Query("show"), Listener: c.Query("listener"), After: c.Query("after"), Limit: limit,
		})
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	list := make([]deadLetterJSON, len(letters))
	for i, d := range letters {
		e := d.Event
		list[i] = deadLetterJSON{
			Event: e.ID, Type: e.Type, Show: e.Show, Subject: e.Subject, Visitor: e.Visitor, Trace: e.Trace, At: *timeOf(&e.At),
			Listener: d.Listener, Tries: d.Tries, Error: d.Error, DeadAt: *timeOf(&d.DeadAt),
		}
	}
	answer := gin.H{"dead_letters": list}
	if len(letters) == limit {
		answer["next"] = letters[limit-1].Cursor()
	}
	c.JSON(http.StatusOK, answer)
}

func (a *API) redrive(c *gin.Context) {
	if err := a.Store.Redrive(c.Request.Context(), c.Param("event"), c.Param("listener")); err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

func (a *API) redriveAll(c *gin.Context) {
	var body struct {
		Listener string `json:"listener"`
	}
	err := read(c, &body, mostBody)
	var n int64
	if err == nil {
		n, err = a.Store.RedriveAll(c.Request.Context(), body.Listener)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"redriven": n})
}
