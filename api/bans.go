package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// banVisitor puts a visitor out of a show: first nobody believes them any more, then their place ends.
// Where the latter cannot be done now, the answer says so, and asking again does it.
func (a *API) banVisitor(c *gin.Context) {
	room, show, err := a.setBan(c, a.Store.Ban)
	if err == nil {
		_, err = room.Leave(c.Request.Context(), queue.Who{Visitor: c.Param("visitor")})
	}
	a.done(c, show, err)
}

// unbanVisitor lets them join again, behind everybody.
func (a *API) unbanVisitor(c *gin.Context) {
	_, show, err := a.setBan(c, a.Store.Unban)
	a.done(c, show, err)
}

func (a *API) setBan(c *gin.Context, set func(ctx context.Context, show, visitor string) error) (*queue.Room, booking.Show, error) {
	room, show, err := a.roomOfVisitor(c)
	if err == nil {
		err = set(c.Request.Context(), show.ID, c.Param("visitor"))
	}
	return room, show, err
}

// roomOfVisitor is the room that a path names together with a visitor.
func (a *API) roomOfVisitor(c *gin.Context) (*queue.Room, booking.Show, error) {
	room, show, err := a.room(c)
	if err == nil && !queue.IsVisitor(c.Param("visitor")) {
		err = invalidField("visitor", "must be the id of a visitor")
	}
	return room, show, err
}

// done answers for a change of who may come in, which this gateway knows at once.
func (a *API) done(c *gin.Context, show booking.Show, err error) {
	if err != nil {
		a.fail(c, err)
		return
	}
	if err := a.Catalogue.RunOnce(c.Request.Context()); err != nil {
		a.logOf(c).Warn("catalogue not refreshed", "show", show.ID, "error", err)
	}
	c.Status(http.StatusNoContent)
}

// unlessBanned returns banned for who was put out of the show.
func (a *API) unlessBanned(show, visitor string) error {
	if show != "" && a.Catalogue.IsBanned(show, visitor) {
		return banned
	}
	return nil
}
