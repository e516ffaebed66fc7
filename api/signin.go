package api

import (
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/queue"
)

// sessionCookie proves that somebody signed in at the desk.
const sessionCookie = "fr_desk"

// sessionLasts is an evening; it is not prolonged.
const sessionLasts = 12 * time.Hour

// How often an address may try to sign in: ten times at once, then ten times a minute.
const (
	signInsPerSecond = 1.0 / 6
	signInBurst      = 10
)

// session is the name of who is signed in at the desk; false for nobody.
func (a *API) session(c *gin.Context) (operator string, ok bool) {
	if a.AdminToken == "" {
		return "", false
	}
	return a.Keys.Operator(cookieOf(c, sessionCookie), a.AdminToken, a.Now())
}

// setSession keeps a session in a cookie that no other site's link brings along; "" ends it.
func (a *API) setSession(c *gin.Context, value string) {
	lasts := int(sessionLasts / time.Second)
	if value == "" {
		lasts = -1
	}
	http.SetCookie(c.Writer, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: lasts, HttpOnly: true, Secure: a.secure(c), SameSite: http.SameSiteStrictMode,
	})
}

// signInPage is what pages/signin.html shows.
type signInPage struct {
	Form, Next, Operator string
	Trouble              string // wrong, name, slow; "" for none
	Seconds              int64  // after which trying again makes sense
}

// desks are the pages that somebody may have wanted before they signed in.
var desks = regexp.MustCompile(`^/desk(/shows/[a-z0-9-]{1,40})?$`)

// asksToSignIn shows the form that leads to the page asked for.
func (a *API) asksToSignIn(c *gin.Context, status int, page signInPage) {
	page.Form = a.Keys.Form(a.byCookie(c, "").visitor)
	if !desks.MatchString(page.Next) {
		page.Next = "/desk"
	}
	a.html(c, status, "signin.html", page)
}

// deskForm reads a form of the desk, and whether it was made for this browser. Returns a
// problem.
func (a *API) deskForm(c *gin.Context) error {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, mostForm)
	if err := c.Request.ParseForm(); err != nil {
		return formInvalid
	}
	who := a.byCookie(c, "")
	if who.isNew || !a.Keys.IsForm(who.visitor, c.Request.PostForm.Get("form")) {
		return formInvalid
	}
	return nil
}

// signIn takes the admin token, and the name that the audit shall show, for a session.
func (a *API) signIn(c *gin.Context) {
	if err := a.deskForm(c); err != nil {
		a.failPage(c, err)
		return
	}
	form := c.Request.PostForm
	page := signInPage{Next: form.Get("next"), Operator: form.Get("operator")}
	var often *queue.TooManyError
	switch err := a.signIns.ask(address(c), a.Now()); {
	case errors.As(err, &often):
		page.Trouble, page.Seconds = "slow", int64((often.RetryAfter+time.Second-1)/time.Second)
		c.Header("Retry-After", wholeSeconds(often.RetryAfter))
		a.asksToSignIn(c, http.StatusTooManyRequests, page)
		return
	case !operatorNames.MatchString(page.Operator):
		page.Trouble = "name"
		a.asksToSignIn(c, http.StatusUnprocessableEntity, page)
		return
	case !a.isAdmin(form.Get("token")):
		a.logOf(c).Warn("sign-in refused", "from", c.ClientIP())
		page.Trouble = "wrong"
		a.asksToSignIn(c, http.StatusUnauthorized, page)
		return
	}
	a.setSession(c, a.Keys.Session(page.Operator, a.AdminToken, a.Now().Add(sessionLasts)))
	next := page.Next
	if !desks.MatchString(next) {
		next = "/desk"
	}
	private(c)
	c.Redirect(http.StatusSeeOther, next)
}

// signOut ends the session of this browser.
func (a *API) signOut(c *gin.Context) {
	if err := a.deskForm(c); err != nil {
		a.failPage(c, err)
		return
	}
	a.setSession(c, "")
	private(c)
	c.Redirect(http.StatusSeeOther, "/desk")
}
