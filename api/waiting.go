package api

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// waitingPage is what pages/waiting.html shows: a state of the visitor's place, and what is
// known in it. It needs no script; with one, web/waiting.js takes over.
type waitingPage struct {
	showHead
	State   string // joins, lobby, waiting, admitted, sold_out, finished, expired, elsewhere; unknown while nobody can say
	Trouble string // the code of a problem; "" for none
	Visitor string
	Form    string // proves a form of this page
	Message string
	Status  queue.Status
	Late    bool // sold out, and without a place
	Draw    *queue.Draw
	Preview bool            // made up, for the operator: it is nobody's place
	SignIn  string          // where to, before a place is to be had; "" where nobody need
	Return  string          // where in a shop the visitor came from, and goes on to; "" for our own seats
	On      template.URL    // where that, or our seats, is gone on to
	Code    *queue.MoveCode // with which another device can take the place over; nil: none was asked for
}

// Modules are the scripts behind the first: named, they come side by side.
func (waitingPage) Modules() []string {
	return []string{"ui", "board", "alert", "line", "tabs", "proof", "move"}
}

// Ahead is how many people are ahead.
func (p waitingPage) Ahead() int64 { return p.Status.Position - 1 }

// Self is the address of the page, and Deeds that of its forms: both know the way back to the shop.
func (p waitingPage) Self() template.URL {
	return template.URL(roomPath(p.ID, "", p.Return)) //nolint:gosec // escaped there, and of this host
}

// Deeds is where the forms of the page go.
func (p waitingPage) Deeds() template.URL {
	return template.URL(roomPath(p.ID, "/queue", p.Return)) //nolint:gosec // escaped there, and of this host
}

// roomPath is the path of a waiting room, or of what is below it, that leads back to an address
// in a shop; "" for none.
func roomPath(show, below, back string) string {
	path := "/shows/" + url.PathEscape(show) + below
	if back != "" {
		path += "?" + url.Values{"return": {back}}.Encode()
	}
	return path
}

// MinutesLeft is what is left of the admission, in whole minutes.
func (p waitingPage) MinutesLeft() int64 {
	return max(0, int64(time.Until(p.Status.Until)/time.Minute))
}

// Prolongs is how much longer the admission lasts once that is asked for, as a clock.
func (p waitingPage) Prolongs() string { return clock(p.Status.Prolong) }

// Wait says how long it should take, as web/waiting.js does.
func (t tongue) Wait(e *queue.ETA) string {
	if e == nil {
		return t.Text("eta.unknown")
	}
	low, high := int64(e.Low/time.Minute), int64((e.High+time.Minute-1)/time.Minute)
	switch {
	case high <= 1:
		return t.Text("eta.soon")
	case high > 180:
		return t.Text("eta.hours", "low", low/60, "n", (high+59)/60)
	case max(low, 1) == high:
		return t.Text("eta.one", "n", high)
	}
	return t.Text("eta.range", "low", max(low, 1), "n", high)
}

// waiting serves the waiting room of a show, as the visitor's place stands.
func (a *API) waiting(c *gin.Context) {
	if found, ok := a.Catalogue.Lookup(c.Param("show")); ok {
		if t, ok := a.draftFor(c, found); ok {
			a.html(c, http.StatusOK, "waiting.html", previewOf(found, t, c.Query("state")))
			return
		}
	}
	show, err := a.public(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	if a.arrive(c, show) {
		return
	}
	who, err := a.visitorOf(c, show.ID)
	if err != nil && !errors.Is(err, placeMoved) { // the page tells of that itself
		a.failPage(c, err)
		return
	}
	a.waitingRoom(c, show, who, nil)
}

func (a *API) waitingRoom(c *gin.Context, show booking.Show, who asker, code *queue.MoveCode) {
	page := waitingPage{
		showHead: headOf(show), State: "joins", Visitor: who.visitor, Form: a.Keys.Form(who.visitor), Message: show.Message, Code: code,
	}
	back, on := a.wayOn(c, show)
	page.Return, page.On = back, template.URL(on) //nolint:gosec // of this host, or of an origin that was named to us
	if room, err := a.Queue.Room(show.ID); err == nil && room.Identity() == queue.IdentityRequired && a.SignInURL != "" {
		if _, known := a.Keys.Customer(cookieOf(c, customerCookie), a.Now()); !known {
			page.SignIn = a.signInAt(c, show.ID)
		}
	}
	if a.Queue.HasMoved(who.visitor, who.since) {
		page.State = "elsewhere"
	} else if room, err := a.Queue.Room(show.ID); err != nil {
		page.State, page.Trouble = "unknown", unavailable.code
	} else {
		a.fillWaiting(c, room, who, &page)
	}
	a.html(c, http.StatusOK, "waiting.html", page)
}

// wayOn is the address in a shop that a visitor comes from, by ?return: one that a route of this
// very show covers, or of an origin in ShopOrigins; "" for any other, and for none. on is where
// somebody who is let in goes on to: there, or to our own seats.
func (a *API) wayOn(c *gin.Context, show booking.Show) (back, on string) {
	asked := c.Query("return")
	if a.Gate != nil {
		if to, ok := a.Gate.Return(show.ID, asked); ok {
			return to.String(), "/v1" + waitingPath(show) + "/return?" + url.Values{"to": {to.String()}}.Encode()
		}
	}
	u, err := url.Parse(asked)
	if err != nil || u.User != nil || u.Opaque != "" || !slices.Contains(a.ShopOrigins, u.Scheme+"://"+u.Host) {
		return "", hallPath(show)
	}
	return u.String(), u.String()
}

// fillWaiting asks how the visitor's place stands, and keeps what a poll would.
func (a *API) fillWaiting(c *gin.Context, room *queue.Room, who asker, page *waitingPage) {
	if d, ok := room.Draw(); ok {
		page.Draw = &d
	}
	status, err := queue.Status{}, queue.ErrNoPlace
	if !who.isNew {
		asks := who.queue()
		if who.token == nil {
			asks.Unproven = func() error { return a.unproven(c) }
		}
		status, err = room.Poll(c.Request.Context(), asks)
	}
	switch {
	case err == nil:
		page.State, page.Status = string(status.State), status
		if status.Message != "" {
			page.Message = status.Message
		}
		err = a.keepPlace(c, status)
	case errors.Is(err, queue.ErrNoPlace):
		err = nil
		page.Late = isSoldOut(room)
		if page.Late {
			page.State = string(queue.SoldOut)
		}
	case errors.Is(err, queue.ErrPlaceExpired):
		page.Trouble, err = problemOf(err).code, nil
	}
	if err != nil {
		page.State, page.Trouble = "unknown", problemOf(err).code
	}
}

// keepPlace sets the cookies that a status brings.
func (a *API) keepPlace(c *gin.Context, s queue.Status) error {
	if s.Token != "" {
		a.setCookie(c, placeCookie+s.Show, s.Token, 7*24*time.Hour)
	}
	if s.State != queue.Admitted {
		return nil
	}
	_, _, err := a.pass(c, passFor(s), s.Until)
	return err
}

func isSoldOut(room *queue.Room) bool {
	board, err := room.Board()
	return err == nil && board.Phase == queue.Open && board.Odds != nil && board.Odds.Free+board.Odds.Held == 0
}

// deed does what the form of a waiting room asks for, which is for browsers without
// script, and leads back to it.
func (a *API) deed(c *gin.Context) {
	room, show, err := a.room(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	who, form, err := a.form(c, show.ID)
	what := form.Get("do")
	if errors.Is(err, placeMoved) && (what == "join" || what == "accept") {
		who, err = a.stranger(c), nil
	}
	if err == nil && what == "move" {
		var code queue.MoveCode
		if code, err = room.Offer(c.Request.Context(), who.queue()); err == nil {
			a.waitingRoom(c, show, who, &code)
			return
		}
	}
	if err == nil {
		err = a.do(c, room, who, what)
	}
	if err != nil {
		a.failPage(c, err)
		return
	}
	back, _ := a.wayOn(c, show)
	private(c)
	c.Redirect(http.StatusSeeOther, roomPath(show.ID, "", back))
}

// do joins, leaves, joins the waiting list, asks for more time inside, or takes a place over
// from another device.
func (a *API) do(c *gin.Context, room *queue.Room, who asker, what string) error {
	take := map[string]func(*queue.Room, context.Context, queue.Who) (queue.Status, bool, error){
		"join": (*queue.Room).Join, "enlist": (*queue.Room).Enlist,
	}[what]
	switch {
	case what == "leave":
		if who.token == nil && who.pass == nil {
			if err := a.unproven(c); err != nil {
				return err
			}
		}
		_, err := room.Leave(c.Request.Context(), who.queue())
		return err
	case what == "prolong":
		if who.pass == nil {
			return passRequired
		}
		_, err := room.Prolong(c.Request.Context(), *who.pass)
		return err
	case what == "accept":
		_, err := a.accept(c, room, who, c.Request.PostForm.Get("code"))
		return err
	case take == nil:
		return invalidField("do", "must be join, leave, enlist, prolong, move or accept")
	}
	who, err := a.asCustomer(c, room, who, nil)
	if err != nil {
		return err
	}
	status, _, err := take(room, c.Request.Context(), a.joiner(c, room, who))
	if errors.Is(err, queue.ErrSoldOut) {
		return nil // the page says so, and offers the waiting list
	}
	if err != nil {
		return err
	}
	return a.keepPlace(c, status)
}

func waitingPath(show booking.Show) string { return roomPath(show.ID, "", "") }

// problemPage is what pages/problem.html shows.
type problemPage struct {
	showHead  // of the show that it is about; empty: of none
	Code      string
	RequestID string
	Back      string // where there is a way on; "" for the list of shows
	Seconds   int64  // after which trying again makes sense
}

// failPage ends a request for a page with the problem that err is, in plain words.
func (a *API) failPage(c *gin.Context, err error) {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		a.logOf(c).Warn("page failed", "code", p.code, "error", err)
	}
	page := problemPage{Code: p.code, RequestID: requestID(c)}
	if p.retryAfter > 0 {
		c.Header("Retry-After", wholeSeconds(p.retryAfter))
		page.Seconds = int64((p.retryAfter + time.Second - 1) / time.Second)
	}
	if show, err := a.public(c); err == nil {
		page.showHead, page.Back = headOf(show), waitingPath(show)
	}
	a.html(c, p.status, "problem.html", page)
	c.Abort()
}
