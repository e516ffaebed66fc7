package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// figuresJSON are figures of sales; money is in the show's currency.
type figuresJSON struct {
	Orders    int64 `json:"orders"`
	Seats     int64 `json:"seats"`
	Revenue   int64 `json:"revenue"`
	Cancelled int64 `json:"cancelled"`
	Returned  int64 `json:"returned"`
	Refunded  int64 `json:"refunded"`
}

type minuteJSON struct {
	At time.Time `json:"at"`
	figuresJSON
}

// usualSales is how far back figures go where the question does not say.
const usualSales = 24 * time.Hour

func (a *API) sales(c *gin.Context) {
	show, err := a.adminShow(c)
	var from, to time.Time
	if err == nil {
		to, err = queryTime(c, "to", a.Now())
	}
	if err == nil {
		from, err = queryTime(c, "from", to.Add(-usualSales))
	}
	var total booking.Figures
	var minutes []booking.Minute
	if err == nil {
		total, minutes, err = a.Store.Sales(c.Request.Context(), show.ID, from.UnixMicro(), to.UnixMicro())
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	rows := make([]minuteJSON, len(minutes))
	for i, m := range minutes {
		rows[i] = minuteJSON{At: *timeOf(&m.At), figuresJSON: figuresJSON(m.Figures)}
	}
	c.JSON(http.StatusOK, gin.H{
		"show": show.ID, "currency": show.Currency, "from": from.UTC(), "to": to.UTC(),
		"totals": figuresJSON(total), "minutes": rows,
	})
}

// queryTime reads a time of the query. Returns a problem.
func queryTime(c *gin.Context, name string, usual time.Time) (time.Time, error) {
	text, given := c.GetQuery(name)
	if !given {
		return usual, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, invalidField(name, "must be RFC 3339, such as 2026-11-23T10:00:00Z")
	}
	return t, nil
}
