package api

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"frontrow/queue"
)

// widget serves a small page for the pages of others: how the visitor's place stands, or how many
// wait. It makes nobody a visitor and sets no cookies but those that a poll would; only origins that are
// configured may frame it.
func (a *API) widget(c *gin.Context) {
	show, err := a.public(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	page := waitingPage{showHead: headOf(show), State: "joins"}
	room, err := a.Queue.Room(show.ID)
	if err != nil {
		page.State = "unknown"
	} else if _, _, known := a.Keys.Visitor(cookieOf(c, visitorCookie)); known {
		who := a.byCookie(c, show.ID)
		if a.Queue.HasMoved(who.visitor, who.since) {
			page.State = "elsewhere"
		} else {
			a.fillWaiting(c, room, who, &page)
		}
	}
	if page.State == "joins" {
		if board, err := room.Board(); err == nil {
			page.Status = queue.Status{InLine: board.Waiting}
		}
	}
	a.htmlFor(c, http.StatusOK, "widget.html", page, cmp.Or(strings.Join(a.EmbedOrigins, " "), "'none'"))
}
