package gate

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"frontrow/queue"
)

// codeParam carries a code to a shop's host.
const codeParam = "fr_code"

// The cookies of a visitor; the first carries the show's id behind it.
const (
	placeCookie   = "fr_place_"
	visitorCookie = "fr_visitor"
	ourCookies    = "fr_"
)

// cookieDays is how long a shop's host keeps a place; what it is worth Redis says.
const cookieSeconds = "604800"

// redeem takes a place over that a code brings, and sends its holder on to the same
// address without it.
func (g *Gate) redeem(ctx context.Context, room *queue.Room, a asked, code string) Verdict {
	token, err := room.Redeem(ctx, code, canonical(a.Host), a.now)
	switch {
	case errors.Is(err, queue.ErrCodeSpent):
		return Verdict{Decision: Refused, Route: a.route, Refusal: CodeSpent}
	case isAway(err):
		return g.isAway(a, nil, err)
	case err != nil:
		return Verdict{Decision: Refused, Route: a.route, Refusal: CodeInvalid}
	}
	return Verdict{Decision: Redeem, Route: a.route, Cookie: g.cookie(a, g.Keys.Token(token)), Location: a.withoutCode()}
}

// withoutCode is the address that was asked for, on this host.
func (a asked) withoutCode() string {
	u := url.URL{Path: collapse(a.url.Path), RawPath: a.url.RawPath}
	if u.RawPath != "" {
		u.RawPath = collapse(u.RawPath)
	}
	query := a.url.Query()
	query.Del(codeParam)
	u.RawQuery = query.Encode()
	return u.String()
}

// cookie is a Set-Cookie of the visitor's place, for the shop's host.
func (g *Gate) cookie(a asked, token string) string {
	text := placeCookie + a.route.Show + "=" + token + "; Path=/; HttpOnly; SameSite=Lax; Max-Age=" + cookieSeconds
	if a.Scheme == "https" {
		text += "; Secure"
	}
	return text
}

// Return checks where somebody who was let in wants to go back to: an address that a
// route of this very show covers, on no other host. It returns it parsed; false: it is none.
func (g *Gate) Return(show, to string) (*url.URL, bool) {
	u, err := url.Parse(to)
	if err != nil || u.Opaque != "" || u.User != nil || u.Host == "" || !strings.HasPrefix(u.Path, "/") || !isPlain(u.Path) ||
		strings.ContainsFunc(to, func(c rune) bool { return c <= ' ' || c == '\\' || c == 0x7f }) {
		return nil, false
	}
	if u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(g.PublicURL, "https:")) {
		return nil, false
	}
	host := hostOf(u.Host)
	route := g.Routes.Match(host, collapse(u.Path))
	if route == nil || route.Show != show {
		return nil, false
	}
	// Of a route for any host only our own is known to be the shop's.
	return u, route.Host != "" || g.IsHere(u)
}

// IsHere tells whether an address is on the waiting room's own host, where its cookies reach.
func (g *Gate) IsHere(u *url.URL) bool { return hostOf(u.Host) == hostOf(HostOf(g.PublicURL)) }

// WithCode adds a code to an address.
func WithCode(u *url.URL, code string) string {
	more := *u
	query := more.Query()
	query.Set(codeParam, code)
	more.RawQuery = query.Encode()
	return more.String()
}

// HostOf is the host of an address, with its port where that is not the usual, as codes are bound to it.
func HostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return canonical(u.Host)
}

func canonical(host string) string {
	host = strings.ToLower(host)
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}

func cookieOf(header http.Header, name string) string {
	cookie, err := (&http.Request{Header: header}).Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}
