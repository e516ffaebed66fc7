package gate

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"

	"frontrow/queue"
)

// Options are what a gate needs.
type Options struct {
	Routes *Routes
	// Room finds this gateway's room of a show; Phase tells a show's phase, and false for
	// a show that there is not.
	Room  func(show string) (*queue.Room, error)
	Phase func(show string) (queue.Phase, bool)
	Keys  *queue.Keyring
	// HasMoved tells whether a visitor has moved on to another device since a proof was made.
	HasMoved func(visitor string, since int64) bool
	// IsBanned tells whether a visitor was put out of a show.
	IsBanned func(show, visitor string) bool
	// PublicURL is where the waiting room is: http(s)://host.
	PublicURL string
	// Trusted are the proxies whose word is believed about where a request comes from.
	Trusted  []netip.Prefix
	Registry prometheus.Registerer
	Logger   *slog.Logger
	Now      func() time.Time
}

// Gate decides about requests. Its methods are safe for use by many at once.
type Gate struct {
	Options
	beliefs *lru.Cache[place, *belief]
	away    outages
	figures figures
}

// mostBeliefs bounds what a gate remembers of those inside; with its pass, one takes under
// a kilobyte. Who is forgotten costs Redis a command.
const mostBeliefs = 65_536

// New makes a gate and registers its metrics.
func New(o Options) *Gate {
	beliefs, err := lru.New[place, *belief](mostBeliefs)
	if err != nil {
		panic(err) // its size is a constant
	}
	return &Gate{Options: o, beliefs: beliefs, figures: newFigures(o.Registry)}
}

// Request is what a decision is made of: the request as the visitor sent it, wherever the
// gate heard of it.
type Request struct {
	Method string
	Scheme string // http or https
	Host   string // as in the Host header
	URI    string // path and query, as sent
	Header http.Header
	From   netip.Addr // invalid: not known
}

// Decision says what becomes of a request.
type Decision string

// The decisions, as they are counted.
const (
	Through    Decision = "through"     // nobody waits for this
	Inside     Decision = "inside"      // the visitor is inside
	Admit      Decision = "admit"       // has just been let in
	Wait       Decision = "wait"        // must go through the waiting room
	Redeem     Decision = "redeem"      // brings a code from the waiting room
	Refused    Decision = "refused"     // cannot be as it is
	AwayInside Decision = "away_inside" // Redis is away, and the visitor's proof is good
	AwayOpen   Decision = "away_open"   // Redis is away, and the route is open then
	Away       Decision = "away"        // Redis is away
)

// Verdict is a decision with all that follows from it.
type Verdict struct {
	Decision Decision
	Route    *Route // nil: there is none
	Pass     bool   // the request goes on to the shop

	// Of the visitor who goes on; empty where nobody was asked for.
	Visitor string
	Number  int64
	Since   int64  // when they moved to the device that asks (us); 0: they never did
	Proof   string // the pass, a JWT

	Cookie   string   // a Set-Cookie; empty: none
	Location string   // where the visitor is sent instead; empty: nowhere
	Refusal  *Refusal // what they are told instead; nil: nothing is wrong
}

// Show is that of the verdict's route.
func (v Verdict) Show() string {
	if v.Route == nil {
		return ""
	}
	return v.Route.Show
}

// asked is a request that a route was found for.
type asked struct {
	Request
	route *Route
	url   *url.URL
	now   time.Time
}

// Decide says what becomes of a request, and does what follows: it lets newcomers in where
// nobody waits. Those inside are believed for ten seconds, so that they cost Redis next to nothing.
func (g *Gate) Decide(ctx context.Context, r Request) Verdict {
	v := g.decide(ctx, r)
	if v.Route != nil && v.Route.DryRun && !v.Pass && v.Decision != Refused && v.Decision != Redeem {
		g.figures.count(v)
		v.Pass, v.Location, v.Refusal = true, "", nil
		return v
	}
	g.figures.count(v)
	return v
}

func (g *Gate) decide(ctx context.Context, r Request) Verdict {
	u, err := url.ParseRequestURI(r.URI)
	if err != nil || r.Method == http.MethodConnect || u.Host != "" || !strings.HasPrefix(u.Path, "/") || !isPlain(u.Path) {
		return Verdict{Decision: Refused, Refusal: badURL}
	}
	route := g.Routes.Match(hostOf(r.Host), collapse(u.Path))
	if route == nil {
		return Verdict{Decision: Refused, Refusal: noRoute}
	}
	v := Verdict{Decision: Through, Route: route, Pass: true}
	if route.Show == "" || route.bypasses(u.EscapedPath(), u.Path) {
		return v
	}
	phase, known := g.Phase(route.Show)
	switch {
	case !known:
		return Verdict{Decision: Refused, Route: route, Refusal: noShow}
	case phase == queue.Draft:
		return v
	}
	a := asked{Request: r, route: route, url: u, now: g.Now()}
	room, err := g.Room(route.Show)
	if err != nil { // its loops are starting
		return g.isAway(a, nil, err)
	}
	return g.ask(ctx, room, a)
}

// ask decides about a request that must come from somebody inside.
func (g *Gate) ask(ctx context.Context, room *queue.Room, a asked) Verdict {
	who := g.identify(a)
	if g.IsBanned(a.route.Show, who.Visitor) {
		return Verdict{Decision: Refused, Route: a.route, Refusal: Banned}
	}
	if who.Token != nil || who.Pass != nil {
		v, over := g.holder(ctx, room, a, who)
		if !over {
			return v
		}
	}
	if code := a.url.Query().Get(codeParam); code != "" && a.isRead() {
		return g.redeem(ctx, room, a, code)
	}
	crowded, err := room.IsCrowded()
	if err != nil {
		return g.isAway(a, nil, err)
	}
	if crowded {
		return g.wait(a, queue.Status{})
	}
	return g.enter(ctx, room, a, who)
}

// enter lets a newcomer in, unless others were faster.
func (g *Gate) enter(ctx context.Context, room *queue.Room, a asked, who queue.Who) Verdict {
	s, created, err := room.Enter(ctx, who)
	if isAway(err) {
		return g.isAway(a, nil, err)
	}
	g.away.isBack(a.route.Show)
	switch {
	case err != nil: // the waiting room says why, and what may be done about it
		return g.wait(a, queue.Status{})
	case s.State == queue.Admitted:
		return g.admitted(a, s, who, Admit)
	case created && s.State == queue.Waiting && a.wantsHTML() && !a.route.DryRun:
		return g.handOver(room, a, s)
	}
	v := g.wait(a, s)
	if created { // who does not follow redirects keeps the place here
		v.Cookie = g.cookie(a, s.Token)
		if v.Refusal != nil {
			v.Refusal.Extra["token"] = s.Token
		}
	}
	return v
}

// handOver brings a place that was just given to where its holder will wait.
func (g *Gate) handOver(room *queue.Room, a asked, s queue.Status) Verdict {
	v := g.wait(a, s)
	token, err := g.Keys.ParseToken(s.Token)
	if err == nil {
		v.Location = g.PublicURL + "/v1/shows/" + a.route.Show + "/return?" + url.Values{
			"code": {room.Code(token, HostOf(g.PublicURL), a.now)}, "to": {a.back()},
		}.Encode()
	}
	return v
}

// wait sends to the waiting room. s is how the place stands, where there is one.
func (g *Gate) wait(a asked, s queue.Status) Verdict {
	v := Verdict{Decision: Wait, Route: a.route}
	if a.wantsHTML() {
		v.Location = g.WaitingRoom(a.route.Show, a.back())
		return v
	}
	extra := map[string]any{
		"waiting_room": g.PublicURL + "/shows/" + a.route.Show,
		"queue":        g.PublicURL + "/v1/shows/" + a.route.Show + "/queue",
	}
	if s.Position > 0 {
		extra["position"] = s.Position
	}
	v.Refusal = mustWait.with(extra, max(s.PollAfter, time.Second))
	return v
}

// WaitingRoom is the page on which to wait for a show, and from which to come back.
func (g *Gate) WaitingRoom(show, back string) string {
	return g.PublicURL + "/shows/" + show + "?" + url.Values{"return": {back}}.Encode()
}

// back is where the visitor wanted to go.
func (a asked) back() string {
	u := *a.url
	u.Scheme, u.Host, u.Path = a.Scheme, a.Host, collapse(u.Path)
	query := u.Query()
	if query.Has(codeParam) {
		query.Del(codeParam)
		u.RawQuery = query.Encode()
	}
	return u.String()
}

// isRead tells whether a request only reads, so that it may be asked again elsewhere.
func (a asked) isRead() bool { return a.Method == http.MethodGet || a.Method == http.MethodHead }

// wantsHTML tells whether a browser would show the answer.
func (a asked) wantsHTML() bool {
	return a.isRead() && strings.Contains(a.Header.Get("Accept"), "text/html")
}

// collapse makes one slash of several at the beginning: what starts with two is another
// host to a browser.
func collapse(path string) string {
	return "/" + strings.TrimLeft(path, "/")
}
