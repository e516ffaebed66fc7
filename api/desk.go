package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// deskPage is what the pages of the desk show to who is signed in.
type deskPage struct {
	Operator string
	Form     string // proves a form of this page
	Shows    []deskShow
	Show     showHead // of one show's desk
	Tiles    []string // its figures, by the names that web/desk.js has for them
}

// deskShow is a show in the list of them all, with its figures as of the last view.
type deskShow struct {
	showHead
	Paused bool
	Known  bool // there are figures
	Stats  queue.Stats
}

// tiles are the figures of a show's desk, in their order.
var tiles = []string{"waiting", "inside", "rate", "joins", "waits", "seats", "sales", "errors", "lag"}

// atDesk serves a page of the desk: to who is signed in, else the form to do so.
func (a *API) atDesk(serve func(c *gin.Context, page deskPage)) gin.HandlerFunc {
	return func(c *gin.Context) {
		operator, ok := a.session(c)
		if !ok {
			a.asksToSignIn(c, http.StatusOK, signInPage{Next: c.Request.URL.Path})
			return
		}
		serve(c, deskPage{Operator: operator, Form: a.Keys.Form(a.byCookie(c, "").visitor)})
	}
}

// desk lists all shows, drafts and closed ones too.
func (a *API) desk(c *gin.Context, page deskPage) {
	for _, show := range a.Catalogue.All() {
		page.Shows = append(page.Shows, a.deskShow(show))
	}
	a.html(c, http.StatusOK, "desk.html", page)
}

func (a *API) deskShow(show booking.Show) deskShow {
	d := deskShow{showHead: headOf(show)}
	if rules, err := ReadRules(show.Rules); err == nil {
		d.Paused = rules.Paused
	}
	if room, err := a.Queue.Room(show.ID); err == nil && show.Phase != booking.PhaseDraft {
		d.Stats, d.Known = room.Figures()
	}
	return d
}

// showDesk serves the desk of one show; its script does the rest.
func (a *API) showDesk(c *gin.Context, page deskPage) {
	show, err := a.adminShow(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	page.Show, page.Tiles = headOf(show), tiles
	a.html(c, http.StatusOK, "deskshow.html", page)
}
