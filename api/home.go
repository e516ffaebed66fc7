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
	Theme                   *theme // nil: the looks of all pages
}

func headOf(show booking.Show) showHead {
	return showHead{show.ID, show.Title, show.Venue, show.Phase, timeOf(show.PlaysAt), timeOf(show.StartsAt), readThemes(show.Theme).Live}
}

// look is the theme of a page that is headed so.
func (h showHead) look() *theme { return h.Theme }

// themeOf is that of a page of a show; nil for any other.
func themeOf(page any) *theme {
	if of, ok := page.(interface{ look() *theme }); ok {
		return of.look()
	}
	return nil
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
