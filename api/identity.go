package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/queue"
)

// The cookies of a visitor. The last two carry the show's id behind them.
const (
	visitorCookie = "fr_visitor"
	placeCookie   = "fr_place_"
	passCookie    = "fr_pass_"
)

// asker is who a request proves to come from.
type asker struct {
	visitor  string
	since    int64        // when they moved to the device that asks (us); 0: they never did
	isNew    bool         // made up for this request, and told in a cookie
	token    *queue.Token // for the show of the path, or any where it names none
	pass     *queue.Pass
	customer bool // a shop says so
	cookie   bool // nothing but cookies says so
}

// identify finds out who asks, by `Authorization: Bearer` first, by cookies else.
// Without any proof it makes up a visitor and sets the cookie, whatever the answer
// will be. May return tokenInvalid, passInvalid or passExpired; banned; or placeMoved, with who it
// was: what they prove was made before the visitor moved to another device.
func (a *API) identify(c *gin.Context) (asker, error) {
	who, err := a.believe(c)
	if err == nil && a.Queue.HasMoved(who.visitor, who.since) {
		err = placeMoved
	}
	if err == nil {
		err = a.unlessBanned(c.Param("show"), who.visitor)
	}
	return who, err
}

// comer is who would have a place here. A browser whose visitor has moved on to another
// device comes as if for the first time. May return what identify and mayWrite may return.
func (a *API) comer(c *gin.Context) (asker, error) {
	who, err := a.identify(c)
	moved := errors.Is(err, placeMoved) && who.cookie
	if moved {
		err = nil
	}
	if err == nil && !who.isNew {
		err = mayWrite(c, who)
	}
	if err == nil && moved {
		who = a.stranger(c)
	}
	return who, err
}

func (a *API) believe(c *gin.Context) (asker, error) {
	show := c.Param("show")
	if header := c.Request.Header["Authorization"]; len(header) > 0 && header[0] != "" {
		text, ok := strings.CutPrefix(header[0], "Bearer ")
		if !ok {
			return asker{}, tokenInvalid
		}
		return a.byBearer(strings.TrimSpace(text), show)
	}
	return a.byCookie(c, show), nil
}

func (a *API) byBearer(text, show string) (asker, error) {
	if queue.IsToken(text) {
		token, err := a.Keys.ParseToken(text)
		if err != nil || show != "" && token.Show != show {
			return asker{}, tokenInvalid
		}
		return asker{visitor: token.Visitor, since: token.Since, token: &token}, nil
	}
	pass, err := a.Keys.ParsePass(text, a.Now())
	if err != nil {
		return asker{}, err
	}
	if show != "" && pass.Show != show {
		return asker{}, passInvalid
	}
	return asker{visitor: pass.Visitor, since: pass.Since, pass: &pass}, nil
}

func (a *API) byCookie(c *gin.Context, show string) asker {
	visitor, since, ok := a.Keys.Visitor(cookieOf(c, visitorCookie))
	if !ok {
		return a.stranger(c)
	}
	who := asker{visitor: visitor, since: since, cookie: true}
	if show == "" {
		return who
	}
	token, err := a.Keys.ParseToken(cookieOf(c, placeCookie+show))
	if err == nil && token.Show == show && token.Visitor == visitor && token.Since == since {
		who.token = &token
	}
	who.pass = a.passOf(c, who, show)
	return who
}

// stranger makes a visitor up, and tells them in a cookie.
func (a *API) stranger(c *gin.Context) asker {
	who := asker{visitor: queue.NewVisitor(), isNew: true, cookie: true}
	a.setVisitor(c, who.visitor, 0)
	return who
}

func (a *API) setVisitor(c *gin.Context, visitor string, since int64) {
	a.setCookie(c, visitorCookie, a.Keys.SignVisitor(visitor, since), 365*24*time.Hour)
}

// passOf is the pass that a visitor's cookie carries for a show; nil for none.
func (a *API) passOf(c *gin.Context, who asker, show string) *queue.Pass {
	pass, err := a.Keys.ParsePass(cookieOf(c, passCookie+show), a.Now())
	if err != nil || pass.Show != show || pass.Visitor != who.visitor || pass.Since != who.since {
		return nil
	}
	return &pass
}

// owner wants to know who asks: any proof will do, but there must be one. A write by
// cookie alone needs the header that no page of another origin can set, and whoever
// brings nothing but the visitor's cookie comes no more often than their address may.
func (a *API) owner(c *gin.Context) (asker, error) {
	who, err := a.identify(c)
	switch {
	case err != nil:
		return who, err
	case who.isNew:
		return who, tokenRequired
	}
	if err := mayWrite(c, who); err != nil {
		return who, err
	}
	if who.cookie && who.token == nil && who.pass == nil {
		err = a.unproven(c)
	}
	return who, err
}

func mayWrite(c *gin.Context, who asker) error {
	if who.cookie && c.Request.Method != http.MethodGet && c.GetHeader("X-Frontrow") != "1" {
		return cookieNeedsProof
	}
	return nil
}

// insider wants the pass of an admitted visitor for the show.
func (a *API) insider(c *gin.Context, show string) (queue.Pass, error) {
	who, err := a.identify(c)
	if err != nil {
		return queue.Pass{}, err
	}
	if who.cookie && who.pass == nil {
		who.pass = a.passOf(c, who, show) // the path names no show
	}
	switch {
	case who.pass == nil:
		return queue.Pass{}, passRequired
	case who.pass.Show != show:
		return queue.Pass{}, passInvalid
	}
	if err := a.unlessBanned(show, who.visitor); err != nil {
		return queue.Pass{}, err
	}
	return *who.pass, mayWrite(c, who)
}

func (who asker) queue() queue.Who {
	return queue.Who{Visitor: who.visitor, Since: who.since, New: who.isNew, Customer: who.customer, Token: who.token, Pass: who.pass}
}

func cookieOf(c *gin.Context, name string) string {
	value, _ := c.Cookie(name)
	return value
}

// cookieEnd is what every cookie of ours ends with, before Secure; http.Cookie took a
// twentieth of a join to write the same.
const cookieEnd = "; Path=/; HttpOnly; SameSite=Lax; Max-Age="

// setCookie sets a cookie whose value is base64url and dots.
func (a *API) setCookie(c *gin.Context, name, value string, lasts time.Duration) {
	b := make([]byte, 0, len(name)+len(value)+len(cookieEnd)+24)
	b = append(append(append(append(b, name...), '='), value...), cookieEnd...)
	b = strconv.AppendInt(b, int64(lasts/time.Second), 10)
	if a.secure(c) {
		b = append(b, "; Secure"...)
	}
	header := c.Writer.Header()
	header["Set-Cookie"] = append(header["Set-Cookie"], string(b))
}

// secure tells whether visitors reach this gateway by https.
func (a *API) secure(c *gin.Context) bool {
	if a.PublicURL != "" {
		return strings.HasPrefix(a.PublicURL, "https:")
	}
	return c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https" && a.trusted(c)
}

// origin is where visitors reach this gateway, as configured or as the request says.
func (a *API) origin(c *gin.Context) string {
	if a.PublicURL != "" {
		return a.PublicURL
	}
	scheme := "http"
	if a.secure(c) {
		scheme = "https"
	}
	return scheme + "://" + c.Request.Host
}

// trusted tells whether the request came through a proxy whose word is believed.
func (a *API) trusted(c *gin.Context) bool { return c.ClientIP() != c.RemoteIP() }

// admin lets only the operator through, and notes by what name they go.
func (a *API) admin(c *gin.Context) {
	operator, err := a.operator(c)
	if err == nil {
		err = named(c, operator)
	}
	if err != nil {
		a.fail(c, err)
	}
}

// operator is who asks with the admin token, or with the cookie of a desk that was signed
// in with it; the latter writes only with the header that no page of another origin can
// set. Returns a problem.
func (a *API) operator(c *gin.Context) (string, error) {
	if text, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer "); ok {
		if !a.isAdmin(text) {
			return "", adminRequired
		}
		return "operator", nil
	}
	operator, ok := a.session(c)
	switch {
	case !ok:
		return "", adminRequired
	case c.Request.Method != http.MethodGet && c.GetHeader("X-Frontrow") != "1":
		return "", cookieNeedsProof
	}
	return operator, nil
}

// isAdmin tells whether a text is the admin token; no token is none.
func (a *API) isAdmin(text string) bool {
	got, want := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(a.AdminToken))
	return a.AdminToken != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
