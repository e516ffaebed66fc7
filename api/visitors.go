package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// placeHeader carries a queue token that an operator asks about: in the address it would
// end in the logs of whatever stands between.
const placeHeader = "X-Frontrow-Place"

// foundJSON is how it stands with one visitor's place, and how it came to that.
type foundJSON struct {
	Show       string      `json:"show"`
	State      string      `json:"state"`
	Visitor    string      `json:"visitor,omitempty"`
	Number     int64       `json:"number,omitempty"`
	Position   int64       `json:"position,omitempty"`
	Present    bool        `json:"present"`
	Banned     bool        `json:"banned"`
	Preferred  bool        `json:"preferred"`
	CameBack   int64       `json:"came_back"`
	Missed     int64       `json:"missed"`
	JoinedAt   *time.Time  `json:"joined_at,omitempty"`
	Foretold   *rangeJSON  `json:"foretold,omitempty"`
	CalledAt   *time.Time  `json:"called_at,omitempty"`
	CalledWith int64       `json:"called_with,omitempty"`
	Until      *time.Time  `json:"until,omitempty"`
	Orders     []orderJSON `json:"orders"`
	AsOf       time.Time   `json:"as_of"`
}

// rangeJSON is between how long and how long something will most likely take.
type rangeJSON struct {
	Low  int64 `json:"low_seconds"`
	High int64 `json:"high_seconds"`
}

// sought is whom an operator asks about.
type sought struct {
	visitor string
	number  int64
	token   *queue.Token
}

// findVisitor tells operators of one place, and changes nothing of it.
func (a *API) findVisitor(c *gin.Context) {
	room, show, err := a.room(c)
	var who sought
	if err == nil {
		who, err = a.sought(c, show)
	}
	var found queue.Found
	if err == nil {
		found, err = room.Find(c.Request.Context(), who.visitor, who.number)
	}
	var answer foundJSON
	if err == nil {
		answer, err = a.foundJSON(c, show, who, found)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, answer)
}

// sought reads whom the request names: by exactly one of a token, a visitor, the number of
// a place, or an order. May return a problem, booking.ErrOrderNotFound or
// booking.ErrUnavailable.
func (a *API) sought(c *gin.Context, show booking.Show) (who sought, err error) {
	named := 0
	if text := c.GetHeader(placeHeader); text != "" {
		named++
		token, lost := a.Keys.ParseToken(text)
		if lost != nil || token.Show != show.ID {
			err = invalidField(placeHeader, "must be a queue token of this show")
		}
		who = sought{token.Visitor, token.Number, &token}
	}
	if visitor, given := c.GetQuery("visitor"); given {
		named++
		if who = (sought{visitor: visitor}); !queue.IsVisitor(visitor) {
			err = invalidField("visitor", "must be the id of a visitor")
		}
	}
	if text, given := c.GetQuery("number"); given {
		named++
		n, lost := strconv.ParseInt(text, 10, 64)
		if who = (sought{number: n}); lost != nil || n < 1 || n > mostNumber {
			err = invalidField("number", "must be from 1 to 4294967295")
		}
	}
	if id, given := c.GetQuery("order"); given {
		named++
		order, lost := a.Store.OrderOf(c.Request.Context(), id)
		if lost == nil && order.Show != show.ID {
			lost = booking.ErrOrderNotFound
		}
		who, err = sought{visitor: order.Visitor, number: order.Number}, lost
	}
	if named != 1 {
		err = invalidField("visitor", "must be given, or one of number, order and the header "+placeHeader+"; and nothing else")
	}
	return who, err
}

// mostNumber is more than any place has: Redis counts no farther in a bitmap.
const mostNumber = 1<<32 - 1

// foundJSON adds what MySQL and the token know.
func (a *API) foundJSON(c *gin.Context, show booking.Show, who sought, f queue.Found) (foundJSON, error) {
	ctx := c.Request.Context()
	answer := foundJSON{
		Show: show.ID, State: f.State, Visitor: f.Visitor, Number: f.Number, Position: f.Position, Present: f.Present,
		Banned: a.Catalogue.IsBanned(show.ID, f.Visitor), Preferred: f.Preferred, CameBack: f.CameBack, Missed: f.Missed, Orders: []orderJSON{}, AsOf: f.AsOf,
	}
	if !f.Until.IsZero() {
		answer.Until = &f.Until
	}
	if t := who.token; t != nil {
		answer.tokenSays(*t, f.Number)
	}
	if f.Number > 0 && f.State != string(queue.Waiting) && f.State != "none" {
		in, called, err := a.Store.CalledIn(ctx, show.ID, f.Generation, f.Number)
		if err != nil {
			return answer, err
		}
		if called {
			answer.CalledAt, answer.CalledWith = timeOf(&in.At), in.Count
		}
	}
	orders, err := a.Store.OrdersOf(ctx, f.Visitor)
	for _, o := range orders {
		if o.Show == show.ID {
			answer.Orders = append(answer.Orders, newOrderJSON(o))
		}
	}
	return answer, err
}

// tokenSays adds what a token remembers of the place that it proves.
func (f *foundJSON) tokenSays(t queue.Token, number int64) {
	if t.Number != number || t.Joined == 0 {
		return
	}
	joined := time.Unix(t.Joined, 0).UTC()
	f.JoinedAt = &joined
	if t.High > 0 {
		f.Foretold = &rangeJSON{t.Low, t.High}
	}
}
