package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// mostForm is the most bytes of a form of a page.
const mostForm = 4 << 10

// visitorOf finds out by cookies who looks at a page of the show. May return placeMoved or banned.
func (a *API) visitorOf(c *gin.Context, show string) (asker, error) {
	who := a.byCookie(c, show)
	if a.Queue.HasMoved(who.visitor, who.since) {
		return who, placeMoved
	}
	return who, a.unlessBanned(show, who.visitor)
}

// form reads the form of a page of the show, and who sends it. May return formInvalid:
// only a page that was made for this visitor has the proof that must be in it; and
// placeMoved, with what the form says.
func (a *API) form(c *gin.Context, show string) (asker, url.Values, error) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, mostForm)
	if err := c.Request.ParseForm(); err != nil {
		return asker{}, nil, formInvalid
	}
	who, err := a.visitorOf(c, show)
	if who.isNew || !a.Keys.IsForm(who.visitor, c.Request.PostForm.Get("form")) {
		return who, nil, formInvalid
	}
	return who, c.Request.PostForm, err
}

// roomAndForm reads what a form of a page asks for, and of which show. May return what room
// and form may.
func (a *API) roomAndForm(c *gin.Context) (*queue.Room, booking.Show, asker, url.Values, error) {
	room, show, err := a.room(c)
	if err != nil {
		return room, show, asker{}, nil, err
	}
	who, form, err := a.form(c, show.ID)
	return room, show, who, form, err
}

// inside finds the admission of who sends a form. May return passRequired or passExpired.
func (a *API) inside(c *gin.Context, room *queue.Room, who asker) (queue.Pass, error) {
	status, err := a.admission(c, room, who)
	if err != nil {
		return queue.Pass{}, err
	}
	pass := passFor(status)
	pass.Issued, pass.Expires = a.Now(), status.Until
	return pass, nil
}

// admission asks how the admission stands of who looks at a page or sends its form: the
// pass of a browser without script is renewed by nobody else. May return passRequired or passExpired.
func (a *API) admission(c *gin.Context, room *queue.Room, who asker) (queue.Status, error) {
	asks := who.queue()
	if who.token == nil && who.pass == nil {
		asks.Unproven = func() error { return a.unproven(c) }
	}
	status, err := room.Poll(c.Request.Context(), asks)
	switch {
	case errors.Is(err, queue.ErrNoPlace):
		err = passRequired
	case err != nil, status.State == queue.Admitted:
	case status.State == queue.Finished, status.State == queue.Expired:
		err = passExpired
	default:
		err = passRequired
	}
	if err == nil {
		err = a.keepPlace(c, status)
	}
	return status, err
}

// stay is the time inside as a page says it that may have no script: clocks, "" for none.
type stay struct {
	Left string // until the admission ends
	More string // by which it may be prolonged
}

// stayOf finds out how long who looks at a page is still inside; not at all where nobody can
// say, or they are not.
func (a *API) stayOf(c *gin.Context, show string, who asker) (s stay) {
	room, err := a.Queue.Room(show)
	if err != nil || who.isNew {
		return s
	}
	status, err := a.admission(c, room, who)
	if err != nil {
		return s
	}
	s.Left = clock(status.Until.Sub(a.Now()))
	if status.Prolong > 0 {
		s.More = clock(status.Prolong)
	}
	return s
}

// prolongByForm gives who sends a form more time inside, once. May return passRequired, passExpired,
// or what prolonging may.
func (a *API) prolongByForm(c *gin.Context, room *queue.Room, who asker) error {
	pass, err := a.inside(c, room, who)
	if err == nil {
		_, err = room.Prolong(c.Request.Context(), pass)
	}
	return err
}

// clock writes how long something lasts, in whole seconds, as web/ui.js does: 4:05, or 1:04:05.
func clock(d time.Duration) string {
	all := int64(max(0, d) / time.Second)
	h, m, s := all/3600, all/60%60, all%60
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%d:%02d", m, s)
}

// liveHold finds the visitor's hold of a show that still stands; nil for none.
func (a *API) liveHold(c *gin.Context, visitor, show string) (*booking.Hold, error) {
	holds, err := a.Store.HoldsOf(c.Request.Context(), visitor)
	i := slices.IndexFunc(holds, func(h booking.Hold) bool {
		return h.Show == show && (h.State == booking.HoldHeld || h.State == booking.HoldPaying)
	})
	if err != nil || i < 0 {
		return nil, err
	}
	return &holds[i], nil
}

// Trouble says in plain words what went wrong, as web/ui.js does; "" for nothing.
func (t tongue) Trouble(err error) string {
	p := problemOf(err)
	if p == nil {
		return ""
	}
	taken := takenOf(err)
	switch {
	case p.code != "seats_taken":
		return t.Problem(p.code, 1)
	case len(taken) == 0:
		return t.Text("problem.seats_short")
	}
	return t.Text("problem.seats_taken", "seats", strings.Join(taken, ", "))
}

// takenOf are the seats that somebody else has, where that is what went wrong.
func takenOf(err error) []string {
	if p := problemOf(err); p != nil {
		taken, _ := p.extra["taken"].([]string)
		return taken
	}
	return nil
}

// statusOf is that of a page which tells of an error, or of none.
func statusOf(err error) int {
	if p := problemOf(err); p != nil {
		return p.status
	}
	return http.StatusOK
}
