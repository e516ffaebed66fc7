package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/internal/gate"
	"frontrow/queue"
)

// gateVerdict answers a proxy that asks about a request to a shop: by which headers it
// tells of that request, the path says that it was configured with, for a client can send
// any header, and must not choose which is believed.
func (a *API) gateVerdict(c *gin.Context) {
	if a.Gate == nil {
		a.fail(c, notFound)
		return
	}
	if !a.Gate.IsTrusted(c.Request) {
		a.fail(c, proxyNotTrusted)
		return
	}
	deny := c.Query("deny")
	asked, ok := gate.Request{Method: http.MethodGet, Scheme: "http", Header: c.Request.Header, From: address(c)}, false
	switch {
	case c.Param("path") != "": // Envoy sends the request as it was, behind our path
		asked.Method, asked.Host, deny = c.Request.Method, c.Request.Host, ""
		asked.URI = strings.TrimPrefix(c.Request.URL.RequestURI(), "/v1/gate")
		ok = schemeOf(c, &asked)
	case deny == "":
		asked.Method, asked.Host, asked.URI = one(c, "X-Forwarded-Method"), one(c, "X-Forwarded-Host"), one(c, "X-Forwarded-Uri")
		ok = asked.Method != "" && schemeOf(c, &asked)
	case deny == "401":
		u, err := url.Parse(one(c, "X-Original-Url"))
		if method := one(c, "X-Original-Method"); err == nil && u.Host != "" && method != "" {
			asked.Method, asked.Scheme, asked.Host, asked.URI = method, u.Scheme, u.Host, u.RequestURI()
			ok = asked.Scheme == "http" || asked.Scheme == "https"
		}
	default:
		a.fail(c, invalidField("deny", "must be 401, or not there"))
		return
	}
	if !ok || asked.Host == "" || asked.URI == "" {
		a.fail(c, malformed.because("The proxy does not say, or says twice, which request this is about."))
		return
	}
	a.tellVerdict(c, a.Gate.Decide(c.Request.Context(), asked), deny == "401")
}

// one is a header that is there once; empty: it is not, or contradicts itself.
func one(c *gin.Context, name string) string {
	if values := c.Request.Header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

func schemeOf(c *gin.Context, asked *gate.Request) bool {
	asked.Scheme = one(c, "X-Forwarded-Proto")
	return asked.Scheme == "http" || asked.Scheme == "https"
}

// tellVerdict tells a proxy what becomes of a request. as401: it knows of no other way to be
// told no, and takes where to send the visitor from Location.
func (a *API) tellVerdict(c *gin.Context, v gate.Verdict, as401 bool) {
	private(c)
	if v.Cookie != "" {
		c.Header("Set-Cookie", v.Cookie)
	}
	switch {
	case v.Refusal != nil:
		p := refusal(v.Refusal)
		if as401 && p.status != http.StatusForbidden {
			p.status = http.StatusUnauthorized
		}
		a.fail(c, p)
	case v.Location != "" && as401:
		c.Header("Location", v.Location)
		a.fail(c, mustWait)
	case v.Location != "":
		c.Redirect(http.StatusSeeOther, v.Location)
	default:
		if v.Visitor != "" {
			c.Header("X-Frontrow-Visitor", v.Visitor)
			c.Header("X-Frontrow-Show", v.Show())
			c.Header("X-Frontrow-Number", strconv.FormatInt(v.Number, 10))
			c.Header("X-Frontrow-Pass", v.Proof)
		}
		c.Status(http.StatusNoContent)
	}
}

// goBack sends somebody who was let in back to the shop, with a code where our cookies do not
// reach; who was not yet waits on. A code from the shop brings a place here first.
func (a *API) goBack(c *gin.Context) {
	room, show, err := a.room(c)
	if err == nil && a.Gate == nil {
		err = notFound
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	to, ok := a.Gate.Return(show.ID, c.Query("to"))
	if !ok {
		a.fail(c, invalidField("to", "must be an address of this show's shop"))
		return
	}
	if code := c.Query("code"); code != "" {
		if err := a.takeOver(c, room, code); err != nil {
			a.fail(c, err)
			return
		}
		a.sendTo(c, a.Gate.WaitingRoom(show.ID, to.String()))
		return
	}
	who, err := a.identify(c)
	if err == nil && who.isNew {
		a.sendTo(c, a.Gate.WaitingRoom(show.ID, to.String()))
		return
	}
	var status queue.Status
	if err == nil {
		asks := who.queue()
		if who.token == nil {
			asks.Unproven = func() error { return a.unproven(c) }
		}
		status, err = room.Poll(c.Request.Context(), asks)
	}
	switch token, p := who.token, problemOf(err); {
	case p == noPlace || p == placeMoved || p != nil && p.code == "place_expired" || err == nil && status.State != queue.Admitted:
		a.sendTo(c, a.Gate.WaitingRoom(show.ID, to.String()))
	case err != nil:
		a.fail(c, err)
	case a.Gate.IsHere(to):
		if status.Token != "" {
			a.setCookie(c, placeCookie+show.ID, status.Token, 7*24*time.Hour)
		}
		a.sendTo(c, to.String())
	default:
		if status.Token != "" {
			if renewed, err := a.Keys.ParseToken(status.Token); err == nil {
				token = &renewed
			}
		}
		if token == nil {
			a.fail(c, tokenRequired)
			return
		}
		a.sendTo(c, gate.WithCode(to, room.Code(*token, gate.HostOf(to.String()), a.Now())))
	}
}

// takeOver makes the place that a code brings this browser's. A browser that has a visitor of its
// own keeps that, with its wallet, and joins by itself: the other place is given up.
func (a *API) takeOver(c *gin.Context, room *queue.Room, code string) error {
	token, err := room.Redeem(c.Request.Context(), code, gate.HostOf(a.PublicURL), a.Now())
	if err != nil {
		return err
	}
	if visitor, _, ok := a.Keys.Visitor(cookieOf(c, visitorCookie)); ok && visitor != token.Visitor {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), 2*time.Second)
		defer cancel()
		_, err := room.Leave(ctx, queue.Who{Visitor: token.Visitor, Token: &token})
		return err
	}
	a.setVisitor(c, token.Visitor, token.Since)
	a.setCookie(c, placeCookie+token.Show, a.Keys.Token(token), 7*24*time.Hour)
	return nil
}

func (a *API) sendTo(c *gin.Context, address string) {
	private(c)
	c.Redirect(http.StatusSeeOther, address)
}
