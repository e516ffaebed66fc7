package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// room finds the show of the path and this gateway's room for it.
func (a *API) room(c *gin.Context) (*queue.Room, booking.Show, error) {
	return a.roomOf(c.Param("show"))
}

func (a *API) roomOf(id string) (*queue.Room, booking.Show, error) {
	show, err := a.publicShow(id)
	if err != nil {
		return nil, show, err
	}
	room, err := a.Queue.Room(show.ID)
	if err != nil {
		err = unavailable // known for a moment only: its loops are starting
	}
	return room, show, err
}

func (a *API) join(c *gin.Context) { a.takePlace(c, (*queue.Room).Join) }

// enlist puts somebody on the waiting list of a show that is sold out.
func (a *API) enlist(c *gin.Context) { a.takePlace(c, (*queue.Room).Enlist) }

// takePlace answers who would have a place with the status of it: 201 for a new one.
func (a *API) takePlace(c *gin.Context, take func(*queue.Room, context.Context, queue.Who) (queue.Status, bool, error)) {
	room, _, lost := a.room(c)
	var who asker
	var err error
	if lost == nil {
		who, err = a.whoJoins(c, room)
	} else if _, err = a.comer(c); err == nil { // what proves nothing is told first
		err = lost
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	status, created, err := take(room, c.Request.Context(), a.joiner(c, room, who))
	if err != nil {
		a.fail(c, a.whereToSignIn(c, whereToProve(c, err)))
		return
	}
	code := http.StatusOK
	if created {
		code = http.StatusCreated
	}
	a.tellStatus(c, code, status, who)
}

func (a *API) poll(c *gin.Context) {
	who, err := a.identify(c)
	if err == nil && who.isNew {
		err = tokenRequired
	}
	room, _, lost := a.room(c)
	if err == nil {
		err = lost
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	asks := who.queue()
	if who.token == nil {
		asks.Unproven = func() error { return a.unproven(c) }
	}
	status, err := room.Poll(c.Request.Context(), asks)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.tellStatus(c, http.StatusOK, status, who)
}

func (a *API) leave(c *gin.Context) {
	who, err := a.owner(c)
	room, _, lost := a.room(c)
	if err == nil {
		err = lost
	}
	if err == nil {
		_, err = room.Leave(c.Request.Context(), who.queue())
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

// pass signs a pass anew and sets its cookie. It does not outlive the admission.
func (a *API) pass(c *gin.Context, of queue.Pass, until time.Time) (string, time.Time, error) {
	now := a.Now().UTC()
	expires := now.Add(queue.PassLifetime)
	if until.Before(expires) {
		expires = until.UTC()
	}
	of.Issuer, of.Issued, of.Expires = a.origin(c), now, expires.Truncate(time.Second)
	text, err := a.Keys.Pass(of)
	if err == nil {
		a.setCookie(c, passCookie+of.Show, text, queue.PassLifetime)
	}
	return text, of.Expires, err
}

type prolongedJSON struct {
	Show          string    `json:"show"`
	Pass          string    `json:"pass"`
	PassExpiresAt time.Time `json:"pass_expires_at"`
	AdmittedUntil time.Time `json:"admitted_until"`
}

// prolong gives somebody inside more time, once.
func (a *API) prolong(c *gin.Context) {
	room, show, err := a.room(c)
	var pass queue.Pass
	if err == nil {
		pass, err = a.insider(c, show.ID)
	}
	var answer prolongedJSON
	if err == nil {
		answer.AdmittedUntil, err = room.Prolong(c.Request.Context(), pass)
	}
	if err == nil {
		answer.Show = show.ID
		answer.Pass, answer.PassExpiresAt, err = a.pass(c, pass, answer.AdmittedUntil)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, answer)
}

// passFor is the pass of whoever a status says to be inside.
func passFor(s queue.Status) queue.Pass {
	return queue.Pass{Visitor: s.Visitor, Since: s.Since, Show: s.Show, Number: s.Number}
}

// checkPass answers proxies that ask whether a request's visitor is inside.
func (a *API) checkPass(c *gin.Context) {
	room, show, err := a.room(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	pass, err := a.insider(c, show.ID)
	if err == nil {
		_, err = room.PinFor(c.Request.Context(), pass, 0)
	}
	if p := problemOf(err); p == passExpired || p == banned {
		err = passInvalid.because(p.detail) // a proxy knows 2xx, 401 and errors only
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.Header("X-Frontrow-Visitor", pass.Visitor)
	c.Status(http.StatusNoContent)
}

func (a *API) jwks(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=300")
	c.JSON(http.StatusOK, gin.H{"keys": a.Keys.JWKS()})
}

// private marks an answer about one visitor: nobody between may keep it.
func private(c *gin.Context) { c.Header("Cache-Control", "no-store, private") }
