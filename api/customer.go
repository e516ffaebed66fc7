package api

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/internal/customer"
	"frontrow/queue"
)

// How what the shop signed about its customer comes: with a join, or in a link from the shop, which
// leaves a cookie of ours.
const (
	customerHeader = "X-Frontrow-Customer"
	customerParam  = "customer"
	customerCookie = "fr_customer"
)

// customerLasts is how long a browser that came by a link of the shop joins as its customer.
const customerLasts = 12 * time.Hour

// asCustomer makes who joins the visitor that the shop's customer is here, where the show's rules ask for
// customers and the request brings one. lost is what identifying them otherwise ran into: a place that moved
// on is no hindrance to who says anew who they are. May return customerInvalid, what the shop's
// keys run into, deviceInUse, or lost.
func (a *API) asCustomer(c *gin.Context, room *queue.Room, who asker, lost error) (asker, error) {
	visitor, err := a.customerOf(c, room)
	switch {
	case err != nil:
		return who, err
	case visitor == "", lost != nil && !errors.Is(lost, placeMoved):
		return who, lost
	case who.visitor == visitor && lost == nil:
		who.customer = true
		return who, nil
	}
	if err := a.unlessBanned(c.Param("show"), visitor); err != nil {
		return who, err
	}
	next := asker{visitor: visitor, since: a.Queue.MovedAt(visitor), customer: true, cookie: who.cookie}
	if !who.cookie {
		return next, nil
	}
	if who.visitor != visitor && lost == nil {
		if err := a.mayGiveUp(c, who); err != nil {
			return who, err
		}
	}
	c.Writer.Header().Del("Set-Cookie") // they are not who that would have made them
	a.setVisitor(c, next.visitor, next.since)
	return next, nil
}

// customerOf is the visitor that the shop's customer is here; "" where nobody asks, or says so.
func (a *API) customerOf(c *gin.Context, room *queue.Room) (string, error) {
	if a.Shop == nil || room.Identity() == queue.IdentityOff {
		return "", nil
	}
	if texts, given := c.Request.Header[customerHeader]; given {
		if len(texts) > 1 {
			return "", a.signIn401(c, customerInvalid)
		}
		return a.readCustomer(c, texts[0])
	}
	visitor, _ := a.Keys.Customer(cookieOf(c, customerCookie), a.Now())
	return visitor, nil
}

// readCustomer checks what the shop signed. Why it was refused is told to the log: the shop's makers look there.
func (a *API) readCustomer(c *gin.Context, text string) (string, error) {
	visitor, err := a.Shop.Visitor(c.Request.Context(), text)
	switch {
	case errors.Is(err, customer.ErrUnavailable):
		return "", unavailable.because("The shop cannot say just now who its customers are. Please try again in a moment.")
	case err != nil:
		a.logOf(c).Info("customer refused", "error", err)
		return "", a.signIn401(c, customerInvalid)
	}
	return visitor, nil
}

// whoJoins is who asks for a place, as far as the show wants to know. May return what comer and
// asCustomer may return.
func (a *API) whoJoins(c *gin.Context, room *queue.Room) (asker, error) {
	came, err := a.comer(c)
	who, err := a.asCustomer(c, room, came, err)
	if err == nil && who.customer && came.isNew && c.GetHeader(customerHeader) == "" {
		err = mayWrite(c, who) // a cookie alone says so
	}
	return who, err
}

// signIn401 adds to a problem where customers sign in.
func (a *API) signIn401(c *gin.Context, p *problem) *problem {
	if a.SignInURL == "" {
		return p
	}
	return p.with("sign_in", a.signInAt(c, c.Param("show")))
}

// whereToSignIn adds to the problem that a customer is needed where they sign in.
func (a *API) whereToSignIn(c *gin.Context, err error) error {
	if errors.Is(err, queue.ErrCustomerRequired) {
		return a.signIn401(c, problemOf(err))
	}
	return err
}

// signInAt is where customers sign in, with the address to come back to: the waiting room, as it was
// asked for.
func (a *API) signInAt(c *gin.Context, show string) string {
	to, err := url.Parse(a.SignInURL)
	if err != nil {
		return a.SignInURL // it was looked at before
	}
	query := to.Query()
	query.Set("return", a.origin(c)+roomPath(show, "", c.Query("return")))
	to.RawQuery = query.Encode()
	return to.String()
}

// arrive takes what the shop signed off the address of the waiting room, and keeps who it was
// about in a cookie: nothing changes until they join. It says whether it answered.
func (a *API) arrive(c *gin.Context, show booking.Show) bool {
	text, given := c.GetQuery(customerParam)
	if !given {
		return false
	}
	if room, err := a.Queue.Room(show.ID); err == nil && a.Shop != nil && room.Identity() != queue.IdentityOff {
		visitor, err := a.readCustomer(c, text)
		if err != nil {
			a.failPage(c, err)
			return true
		}
		a.setCookie(c, customerCookie, a.Keys.SignCustomer(visitor, a.Now().Add(customerLasts)), customerLasts)
	}
	query := c.Request.URL.Query()
	query.Del(customerParam)
	to := waitingPath(show)
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	private(c)
	c.Header("Referrer-Policy", "no-referrer")
	c.Redirect(http.StatusSeeOther, to)
	return true
}

// mayAsk refuses rules that ask for customers where no shop says who they are. Returns a
// problem.
func (a *API) mayAsk(rules queue.Rules) error {
	if a.Shop == nil && rules.Identity != queue.IdentityOff {
		return invalidField("identity", "must be off: FRONTROW_IDENTITY_ISSUER names no shop")
	}
	return nil
}
