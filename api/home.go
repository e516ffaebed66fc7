package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// showHead is what the head of a page says of a show.
type showHead struct {
	ID, Title, Venue, Phase string
	PlaysAt, StartsAt       *time.Time
}

func headOf(show booking.Show) showHead {
	return showHead{show.ID, show.Title, show.Venue, show.Phase, timeOf(show.PlaysAt), timeOf(show.StartsAt)}
}

// home lists the shows that visitors may know of.
func (a *API) home(c *gin.Context) {
	var shows []showHead
	for _, show := range a.Catalogue.All() {
		if show.Phase != booking.PhaseDraft {
			shows = append(shows, headOf(show))
		}
	}
	a.html(c, http.StatusOK, "shows.html", shows)
}
