package gate

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"frontrow/queue"
)

// The headers by which the shop learns who is there; what a client sends under these
// names is dropped.
const (
	visitorHeader = "X-Frontrow-Visitor"
	showHeader    = "X-Frontrow-Show"
	numberHeader  = "X-Frontrow-Number"
	passHeader    = "X-Frontrow-Pass"
	// endHeader is the shop's: with the value "admission" in an answer it ends the visitor's.
	endHeader = "X-Frontrow-End"
	ourPrefix = "X-Frontrow-"
)

// Proxy is the reverse proxy before shops: it lets requests through as its gate decides, each to the
// upstream of its route.
type Proxy struct {
	gate  *Gate
	to    map[*Route]*httputil.ReverseProxy
	close []func()
}

type verdictKey struct{}

// NewProxy makes the proxy of a gate, all of whose routes have an upstream.
func NewProxy(g *Gate) *Proxy {
	p := &Proxy{gate: g, to: map[*Route]*httputil.ReverseProxy{}}
	for _, r := range g.Routes.all {
		transport := &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ResponseHeaderTimeout: time.Duration(*r.TimeoutSeconds) * time.Second,
			TLSHandshakeTimeout:   5 * time.Second,
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   256,
			DisableCompression:    true, // what the shop sent is passed on as it is
		}
		p.to[r] = &httputil.ReverseProxy{
			Transport: transport, Rewrite: p.rewrite, ModifyResponse: p.answered, ErrorHandler: p.failed, BufferPool: buffers{},
			ErrorLog: slog.NewLogLogger(g.Logger.Handler(), slog.LevelDebug),
		}
		p.close = append(p.close, transport.CloseIdleConnections)
	}
	return p
}

// Close gives connections to upstreams back that nobody uses.
func (p *Proxy) Close() {
	for _, f := range p.close {
		f()
	}
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := Request{
		Method: r.Method, Scheme: "http", Host: r.Host, URI: r.URL.RequestURI(), Header: r.Header, From: p.gate.client(r),
	}
	if r.TLS != nil || p.gate.IsTrusted(r) && r.Header.Get("X-Forwarded-Proto") == "https" {
		request.Scheme = "https"
	}
	v := p.gate.Decide(r.Context(), request)
	if v.Cookie != "" {
		w.Header().Add("Set-Cookie", v.Cookie)
	}
	switch {
	case v.Refusal != nil:
		v.Refusal.Write(w)
	case v.Location != "":
		w.Header().Set("Location", v.Location)
		w.Header().Set("Cache-Control", "no-store, private")
		w.WriteHeader(http.StatusSeeOther)
	case !isUpgradable(r.Header):
		noUpgrade.Write(w)
	default:
		p.to[v.Route].ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), verdictKey{}, v)))
	}
}

// isUpgradable tells whether a request asks for no other protocol than web sockets: as HTTP/2,
// more requests would follow that nobody decides about.
func isUpgradable(header http.Header) bool {
	upgrades := header.Values("Upgrade")
	return len(upgrades) == 0 || len(upgrades) == 1 && strings.EqualFold(upgrades[0], "websocket")
}

// rewrite makes of a visitor's request what the shop is asked.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	v, _ := r.In.Context().Value(verdictKey{}).(Verdict)
	r.Out.URL.Scheme, r.Out.URL.Host = v.Route.upstream.Scheme, v.Route.upstream.Host
	r.Out.Host = r.In.Host
	for name := range r.Out.Header {
		if strings.HasPrefix(name, ourPrefix) || name == "X-Real-Ip" {
			delete(r.Out.Header, name)
		}
	}
	trusted := p.gate.IsTrusted(r.In)
	if trusted {
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}
	r.SetXForwarded()
	if proto := r.In.Header.Get("X-Forwarded-Proto"); trusted && proto != "" {
		r.Out.Header.Set("X-Forwarded-Proto", proto)
	}
	if queue.IsToken(strings.TrimPrefix(r.In.Header.Get("Authorization"), "Bearer ")) {
		r.Out.Header.Del("Authorization") // it is the visitor's proof of a place, and none of the shop's business
	}
	withoutOurs(r.Out.Header)
	if v.Visitor != "" {
		r.Out.Header[visitorHeader] = []string{v.Visitor}
		r.Out.Header[showHeader] = []string{v.Show()}
		r.Out.Header[numberHeader] = []string{number(v.Number)}
		if v.Proof != "" {
			r.Out.Header[passHeader] = []string{v.Proof}
		}
	}
}

// withoutOurs takes our cookies out, and leaves the others as they were written.
func withoutOurs(header http.Header) {
	lines := header["Cookie"]
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, ourCookies) }) {
		return
	}
	var kept []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair != "" && !strings.HasPrefix(pair, ourCookies) {
				kept = append(kept, pair)
			}
		}
	}
	if len(kept) == 0 {
		delete(header, "Cookie")
		return
	}
	header["Cookie"] = []string{strings.Join(kept, "; ")}
}

// endWithin bounds how long an answer waits for the admission to end.
const endWithin = 2 * time.Second

// answered does as the shop's answer says.
func (p *Proxy) answered(r *http.Response) error {
	end := r.Header.Get(endHeader)
	for name := range r.Header {
		if strings.HasPrefix(name, ourPrefix) {
			delete(r.Header, name)
		}
	}
	v, _ := r.Request.Context().Value(verdictKey{}).(Verdict)
	if v.Cookie != "" {
		r.Header.Set("Cache-Control", "no-store, private") // whatever the shop says: it carries somebody's place
	}
	if end != "admission" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Request.Context()), endWithin)
	defer cancel()
	if err := p.gate.End(ctx, v); err != nil {
		// It ends by itself, when the session is over.
		p.gate.Logger.Warn("an admission was not ended", "show", v.Show(), "number", v.Number, "error", err)
	}
	return nil
}

// failed answers for an upstream that did not.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	v, _ := r.Context().Value(verdictKey{}).(Verdict)
	if r.Context().Err() != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return // the visitor has gone
	}
	tell := noAnswer
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		tell = lateAnswer
	}
	p.gate.figures.failures.WithLabelValues(v.Show(), tell.Code).Inc()
	p.gate.Logger.Warn("upstream failed", "show", v.Show(), "upstream", v.Route.Upstream, "code", tell.Code, "error", err)
	tell.Write(w)
}

// IsTrusted tells whether a request comes from a proxy whose word is believed.
func (g *Gate) IsTrusted(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && g.isTrusted(at.Addr())
}

func (g *Gate) isTrusted(at netip.Addr) bool {
	at = at.Unmap()
	return slices.ContainsFunc(g.Trusted, func(p netip.Prefix) bool { return p.Contains(at) })
}

// client is where a request comes from: the last address that no trusted proxy has.
func (g *Gate) client(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	from := at.Addr().Unmap()
	if !g.isTrusted(from) {
		return from
	}
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(chain) {
		before, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return from
		}
		if from = before.Unmap(); !g.isTrusted(from) {
			return from
		}
	}
	return from
}
