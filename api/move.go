package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

type moveCodeJSON struct {
	Show      string    `json:"show"`
	Code      string    `json:"code"`
	ExpiresAt time.Time `json:"expires_at"`
}

// offerMove gives a code with which another device can take the visitor's place over.
func (a *API) offerMove(c *gin.Context) {
	who, err := a.owner(c)
	room, show, lost := a.room(c)
	if err == nil {
		err = lost
	}
	var code queue.MoveCode
	if err == nil {
		code, err = room.Offer(c.Request.Context(), who.queue())
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusCreated, moveCodeJSON{Show: show.ID, Code: code.Code, ExpiresAt: code.Expires})
}

type movedJSON struct {
	Show  string `json:"show"`
	Token string `json:"token"`
}

// acceptMove has the device that asks take over the place that a code was given for.
func (a *API) acceptMove(c *gin.Context) {
	who, err := a.comer(c)
	if err == nil {
		// Also where they are new: no page of another origin shall put somebody in another's place.
		err = mayWrite(c, who)
	}
	room, show, lost := a.room(c)
	if err == nil {
		err = lost
	}
	var body struct {
		Code string `json:"code"`
	}
	if err == nil {
		err = read(c, &body, mostBody)
	}
	var token string
	if err == nil {
		token, err = a.accept(c, room, who, body.Code)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, movedJSON{Show: show.ID, Token: token})
}

// accept takes a place over, gives up the one that the device had, and makes it the device of
// the visitor who moved. May return deviceInUse, or what queue.Accept may return.
func (a *API) accept(c *gin.Context, room *queue.Room, who asker, code string) (string, error) {
	by := who.queue()
	by.From = address(c)
	if err := a.mayGiveUp(c, who); err != nil {
		return "", err
	}
	t, token, err := room.Accept(c.Request.Context(), code, by)
	if err != nil {
		return "", err
	}
	if !who.isNew && who.visitor != t.Visitor {
		if _, err := room.Leave(c.Request.Context(), by); err != nil {
			a.logOf(c).Warn("the place of a device that took over another stays until it lapses", "error", err)
		}
	}
	if who.cookie {
		c.Writer.Header().Del("Set-Cookie") // they are somebody else now
		a.setVisitor(c, t.Visitor, t.Since)
		a.setCookie(c, placeCookie+t.Show, token, 7*24*time.Hour)
	}
	return token, nil
}

// mayGiveUp tells whether a device loses nothing but a place by being another visitor's.
func (a *API) mayGiveUp(c *gin.Context, who asker) error {
	if who.isNew {
		return nil
	}
	if err := a.unproven(c); err != nil {
		return err
	}
	ctx := c.Request.Context()
	orders, err := a.Store.OrdersOf(ctx, who.visitor)
	if err != nil {
		return err
	}
	holds, err := a.Store.HoldsOf(ctx, who.visitor)
	if err != nil {
		return err
	}
	wallet, err := a.Store.Wallet(ctx, who.visitor)
	if err != nil {
		return err
	}
	holds = slices.DeleteFunc(holds, func(h booking.Hold) bool { return h.State != booking.HoldHeld && h.State != booking.HoldPaying })
	if len(orders)+len(holds) > 0 || wallet.Balance > 0 {
		return deviceInUse
	}
	return nil
}
