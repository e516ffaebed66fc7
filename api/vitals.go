package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// vitalsJSON is how the gateway that answers fares, and how far behind the listeners are
// of all of them.
type vitalsJSON struct {
	Gateway   string         `json:"gateway"`
	Failed    int64          `json:"failed"`
	Listeners []listenerJSON `json:"listeners"`
	AsOf      time.Time      `json:"as_of"`
}

// listenerJSON is a listener that is behind with anything.
type listenerJSON struct {
	Listener string  `json:"listener"`
	Open     int64   `json:"open"`
	Dead     int64   `json:"dead"`
	Lag      float64 `json:"lag_seconds"`
}

func (a *API) vitals(c *gin.Context) {
	backlogs, err := a.Store.Backlogs(c.Request.Context())
	if err != nil {
		a.fail(c, err)
		return
	}
	now := a.Now()
	answer := vitalsJSON{Gateway: a.name, Failed: a.failed.Load(), Listeners: make([]listenerJSON, len(backlogs)), AsOf: now.UTC()}
	for i, b := range backlogs {
		lag := 0.0
		if b.Oldest > 0 {
			lag = max(0, now.Sub(time.UnixMicro(b.Oldest)).Seconds())
		}
		answer.Listeners[i] = listenerJSON{b.Listener, b.Open, b.Dead, lag}
	}
	c.JSON(http.StatusOK, answer)
}
