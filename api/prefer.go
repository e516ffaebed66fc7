package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/queue"
)

// preferVisitor has somebody who waits called before their turn. Who cannot be leaves no trace in the audit;
// who can does before it is done.
func (a *API) preferVisitor(c *gin.Context) {
	ctx, visitor := c.Request.Context(), c.Param("visitor")
	room, show, err := a.roomOfVisitor(c)
	var found queue.Found
	if err == nil {
		found, err = room.Find(ctx, visitor, 0)
	}
	if err == nil && !found.IsInLine() {
		err = queue.ErrNotWaiting
	}
	if err == nil && !found.Preferred {
		err = a.Store.NotePreferred(ctx, show.ID, visitor, found.Position)
	}
	if err == nil {
		err = room.Prefer(ctx, visitor)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}
