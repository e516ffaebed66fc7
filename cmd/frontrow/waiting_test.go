package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"frontrow/internal/testenv"
)

// shut lets nobody in until the operator does.
var shut = rules(map[string]any{"max_active": 0})

func (g *testGateway) letsIn(show string) {
	g.t.Helper()
	g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"max_active": 100}).want(http.StatusOK)
}

// The waiting room as people use it, in a real browser.
func TestTheWaitingRoomInABrowser(t *testing.T) {
	t.Parallel()
	b, g := browser(t), backend{}.serve(t)
	for name, f := range map[string]func(*testing.T, chromium, *testGateway){
		"joins, waits and gets in":         waitsAndGetsIn,
		"two tabs are one visitor":         twoTabs,
		"offline and back":                 offlineAndBack,
		"reload and back keep the place":   reloadAndBack,
		"without script":                   withoutScript,
		"leaves, once it is confirmed":     leavesConfirmed,
		"the lobby and the draw":           lobbyAndDraw,
		"sold out, and the waiting list":   soldOutAndList,
		"what the operator says is text":   operatorsText,
		"each language":                    eachLanguage,
		"the proof of work is done for me": provesWork,
		"the place moves to a device":      movesToDevice,
		"moves without script":             movesWithoutScript,
		"tells only as was asked for":      tellsAsAskedFor,
		"a phone that slept":               sleeps,
		"cookies blocked":                  cookiesBlocked,
		"half of the script is missing":    halfLoaded,
		"a theme":                          themed,
		"a theme after the waiting room":   themedSale,
	} {
		t.Run(name, func(t *testing.T) { f(t, b, g) })
	}
}

func waitsAndGetsIn(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	first := g.joins(show)
	p := b.visitor(t, g).opens("/")
	p.sees("h1", "Shows").accessible("the list of shows")
	p.opens("/shows/"+show).sees("#joins", "Join").accessible("joining")
	p.clicks("#joins button").sees("#position", "2").sees("#ahead", "1 person ahead").accessible("waiting")
	first.g.do(call{method: "DELETE", path: "/v1/shows/" + show + "/queue", bearer: first.token}).want(http.StatusNoContent)
	p.sees("#position", "1").sees("#ahead", "You are next").sees("#moved", "Moved up 1 place")
	g.letsIn(show)
	p.sees("#admitted", "It is your turn").sees("#left", ":").accessible("admitted")
	p.becomes("document.title.startsWith('Your turn')", "the title does not tell")
	p.becomes("document.activeElement.id === 'turn-title'", "the focus stays away")
	p.sees("#more-text", "5:00 longer").sees("#left", "9:").clicks("#more button").lacks("#more").sees("#left", "14:")
	p.clicks("#go").sees("h1", "Choose your seats")
}

func twoTabs(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	one := b.visitor(t, g).opens("/shows/" + show)
	two := one.another().opens("/shows/" + show)
	one.clicks("#joins button").sees("#position", "1")
	two.sees("#position", "1")
	if n := g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).number("joined"); n != 1 {
		t.Errorf("%d joined", n)
	}
	// One of them asks, both are told.
	held := func(p *tab) int {
		return eval[int](p, "navigator.locks.query().then((l) => l.held.length)")
	}
	testenv.Wait(t, 10*time.Second, func() bool { return held(one) == 1 }, "not one tab leads")
	g.letsIn(show)
	one.sees("#admitted", "It is your turn")
	two.sees("#admitted", "It is your turn")
}

func offlineAndBack(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.visitor(t, g).opens("/shows/" + show)
	p.clicks("#joins button").sees("#position", "1")
	p.offline(true).sees("#trouble", "No connection").sees("#position", "1").accessible("offline")
	g.letsIn(show)
	p.offline(false).lacks("#trouble").sees("#admitted", "It is your turn")
}

func reloadAndBack(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	ahead := g.joins(show)
	p := b.visitor(t, g).opens("/shows/" + show)
	p.clicks("#joins button").sees("#position", "2")
	p.opens("/shows/"+show).sees("#position", "2")
	p.opens("/").sees("h1", "Shows")
	eval[bool](p, "history.back() || true")
	p.sees("#position", "2")
	ahead.poll().want(http.StatusOK)
	g.letsIn(show)
	p.sees("#admitted", "It is your turn")
	p.clicks("#go").sees("h1", "Choose your seats")
	eval[bool](p, "history.back() || true")
	p.sees("#admitted", "It is your turn")
}

func withoutScript(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.visitor(t, g).scriptless(true).opens("/shows/" + show)
	p.clicks("#joins button").sees("#position", "1").sees("#refresh", "Refresh")
	p.clicks("#refresh").sees("#position", "1")
	p.clicks("#leave").sees("#over", "You are done here")
	p.clicks("#over button").sees("#waiting", "Your position")
	g.letsIn(show)
	testenv.Wait(t, 20*time.Second, func() bool {
		p.opens("/shows/" + show)
		return eval[string](p, "document.documentElement.dataset.state") == "admitted"
	}, "nobody is let in")
	p.sees("#admitted", "It is your turn").sees("#go", "Choose seats")
}

func leavesConfirmed(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.visitor(t, g).opens("/shows/" + show)
	p.clicks("#joins button").sees("#position", "1")
	p.clicks("#leave").sees("#sure", "Leave the queue?").accessible("leaving")
	p.clicks("#stay").lacks("#sure").sees("#position", "1")
	p.clicks("#leave").clicks("#leave-now").sees("#joins", "Join")
	if n := g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).number("waiting"); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

func lobbyAndDraw(t *testing.T, b chromium, g *testGateway) {
	show := g.show(inLobby(map[string]any{}, time.Now().Add(time.Hour)), shut)
	g.drawIs(show, "committed")
	p := b.visitor(t, g).opens("/shows/" + show)
	p.sees("#joins", "Enter the lobby").sees("#commitment", "").accessible("before the lobby")
	p.clicks("#joins button").sees("#lobby", "You are in the lobby").sees("#starts", "59:").accessible("the lobby")
	other := g.joins(show)
	g.admin("POST", "/v1/admin/shows/"+show+"/open", nil)
	g.drawIs(show, "drawn")
	p.sees("#waiting", "Your position").sees("#draw-number", "You drew number").sees("#phase", "On sale now").accessible("drawn")
	p.clicks("#check").sees("#check-told", "Checked: seed, list and order fit").sees("#check-told", "of 2")
	other.is("waiting")
}

func soldOutAndList(t *testing.T, b chromium, g *testGateway) {
	show := g.show(func(spec map[string]any) { spec["sections"] = []any{section("A", 1000, 1)} })
	buyer := g.enters(show)
	hold := buyer.hold("A-1-1").want(http.StatusCreated).text("hold")
	buyer.charge(5000).want(http.StatusCreated)
	buyer.pay(hold, "one").want(http.StatusCreated)
	p := b.visitor(t, g)
	testenv.Wait(t, 20*time.Second, func() bool {
		p.opens("/shows/" + show)
		return eval[string](p, "document.documentElement.dataset.state") == "sold_out"
	}, "it is not sold out")
	p.sees("#sold_out", "Everything is sold").accessible("sold out")
	p.clicks("#enlist").sees("#phase", "Sold out").sees("#sold-text", "You are number 1 on the waiting list").accessible("on the waiting list")
}

func operatorsText(t *testing.T, b chromium, g *testGateway) {
	const evil = `<img src=x onerror="document.title='owned'"><b>Doors`
	show := g.show(shut, func(spec map[string]any) { spec["title"] = evil })
	g.admin("PUT", "/v1/admin/shows/"+show+"/message", map[string]any{"text": evil}).want(http.StatusOK)
	p := b.visitor(t, g).opens("/shows/" + show)
	p.clicks("#joins button").sees("#position", "1").sees("#message", evil).sees("h1", evil)
	p.opens("/shows/"+show).sees("#message", evil)
	if n := eval[int](p, "document.querySelectorAll('main img, main b').length"); n != 0 {
		t.Errorf("%d elements are made of text", n)
	}
}

func eachLanguage(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	g.joins(show)
	p := b.visitor(t, g).opens("/shows/" + show)
	p.clicks("#joins button").sees("#ahead", "1 person ahead")
	p.clicks(".langs a[lang=ko]").sees("#ahead", "앞에 1명").accessible("Korean")
	p.clicks(".langs a[lang=ja]").sees("#ahead", "前に1人").accessible("Japanese")
	p.opens("/").sees("h1", "公演")
}

func provesWork(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut, rules(map[string]any{"proof_of_work": true}))
	p := b.visitor(t, g).opens("/shows/" + show)
	p.clicks("#joins button").sees("#position", "1").lacks("#trouble")
	q := b.visitor(t, g).scriptless(true).opens("/shows/" + show)
	q.clicks("#joins button").sees("main", "needs JavaScript")
	p.opens("/shows/no-such-show").sees("main", "There is no show of that name").accessible("a problem")
}

// types puts a code into its field, as a keyboard would leave it.
func (p *tab) entersCode(code string) *tab {
	p.t.Helper()
	p.sees("#code-in", "")
	eval[bool](p, "(() => { document.querySelector('#code-in').value = "+quoted(code)+"; return true })()")
	return p
}

// codeShown waits for the code that a page gives, and reads it.
func (p *tab) codeShown() string {
	p.t.Helper()
	p.sees("#code", " ")
	return eval[string](p, "document.querySelector('#code').innerText")
}

func movesToDevice(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	g.joins(show)
	old, device := b.visitor(t, g).opens("/shows/"+show), b.visitor(t, g).opens("/shows/"+show)
	old.clicks("#joins button").sees("#position", "2")
	old.clicks("#move summary").clicks("#move button").sees("#code-left", "4:").accessible("a code given")
	code := old.codeShown()
	device.clicks("#arrive summary").entersCode("2222 2222").clicks("#arrive button").sees("#trouble", "no such code").accessible("a code refused")
	device.entersCode(strings.ToLower(code)).clicks("#arrive button").sees("#position", "2").sees("#ahead", "1 person ahead")
	old.sees("#elsewhere", "Your place has moved").lacks("#leave").lacks("#move").accessible("moved")
	old.opens("/shows/"+show).sees("#elsewhere", "Your place has moved")
	// And back again; a code is good for once.
	old.clicks("#arrive summary").entersCode(code).clicks("#arrive button").sees("#trouble", "used already")
	device.clicks("#move summary").clicks("#move button")
	old.entersCode(device.codeShown()).clicks("#arrive button").sees("#position", "2")
	device.sees("#elsewhere", "Your place has moved").clicks("#elsewhere button").sees("#position", "3")
	if n := g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).number("waiting"); n != 3 {
		t.Errorf("%d wait, want 3", n)
	}
}

func movesWithoutScript(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	old, device := b.visitor(t, g).scriptless(true).opens("/shows/"+show), b.visitor(t, g).scriptless(true).opens("/shows/"+show)
	old.clicks("#joins button").sees("#position", "1").clicks("#move summary").clicks("#move button")
	code := old.sees("#code-left", "5 minutes").codeShown()
	device.clicks("#arrive summary").entersCode(code).clicks("#arrive button").sees("#position", "1")
	old.opens("/shows/"+show).sees("#elsewhere", "Your place has moved")
}

// The whole of it on real servers.
func TestTheWaitingRoomOnRealServers(t *testing.T) {
	t.Parallel()
	waitsAndGetsIn(t, browser(t), realBackend(t).serve(t))
}

// spied has every page of the tab note in told what it would have the device do, and be
// hidden where away is set.
func (p *tab) spied() *tab {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.told = [];
		navigator.vibrate = () => told.push("vibration");
		const node = { connect: (to) => to, start: () => told.push("tone"), stop() {}, frequency: {}, gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} } };
		window.AudioContext = class { currentTime = 0; resume() {} createOscillator() { return node; } createGain() { return node; } };
		window.Notification = class {
			constructor(title) { told.push("notification: " + title); }
			static async requestPermission() { told.push("permission"); return window.refuses ? "denied" : "granted"; }
		};
		Object.defineProperty(document, "visibilityState", { get: () => (window.away ? "hidden" : "visible") });
	`})
	must(p.t, err)
	return p
}

func (p *tab) told() string { p.t.Helper(); return eval[string](p, "told.join(', ')") }

func tellsAsAskedFor(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	quiet, loud, refused := b.visitor(t, g).spied(), b.visitor(t, g).spied(), b.visitor(t, g).spied()
	for _, p := range []*tab{quiet, loud, refused} {
		p.opens("/shows/"+show).clicks("#joins button").sees("#alerts", "Sound")
	}
	loud.clicks("#sound").sees("#alert-told", "how it will sound").clicks("#notify")
	loud.becomes("document.querySelector('#notify').getAttribute('aria-pressed') === 'true'", "notifications are not on")
	if told := loud.told(); told != "tone, tone, tone, permission" {
		t.Errorf("when it was asked for: %s", told)
	}
	eval[bool](refused, "refuses = true")
	refused.clicks("#notify").sees("#alert-told", "does not allow")
	eval[bool](loud, "told.length = 0; away = true")
	g.letsIn(show)
	for _, p := range []*tab{quiet, loud, refused} {
		p.becomes("document.title.startsWith('Your turn')", "the title does not tell")
	}
	loud.becomes("told.length === 5", "it is not told")
	if told := loud.told(); told != "vibration, notification: It is your turn, tone, tone, tone" {
		t.Errorf("who asked for it is told by %s", told)
	}
	if told := quiet.told() + refused.told(); told != "permission" {
		t.Errorf("who asked for nothing is told by %s", told)
	}
}

func sleeps(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.visitor(t, g).opens("/shows/" + show)
	p.clicks("#joins button").sees("#position", "1")
	state := func(s string) {
		_, err := chromedp.Call(p.ctx, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateState(s)})
		must(t, err)
	}
	state("frozen")
	g.letsIn(show)
	testenv.Wait(t, 10*time.Second, func() bool {
		return g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).number("admitted") == 1
	}, "they are not called")
	state("active")
	p.sees("#admitted", "It is your turn")
}

// cookiesBlocked has a proxy between that lets no cookies through.
func cookiesBlocked(t *testing.T, b chromium, g *testGateway) {
	to, err := url.Parse(g.URL())
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Header.Del("Cookie") },
		ModifyResponse: func(r *http.Response) error { r.Header.Del("Set-Cookie"); return nil },
	}
	show := g.show(shut)
	p := b.visitor(t, g)
	p.at = serveHTTP(t, proxy.ServeHTTP)
	p.opens("/shows/"+show).clicks("#joins button").sees("#trouble", "dropped its cookies").sees("#joins", "Join")
	p.scriptless(true).opens("/shows/"+show).clicks("#joins button").sees("main", "allow cookies")
}

// halfLoaded loses one module: the page stays as it was served, says that it does not renew
// itself, and its forms do all that they do without script.
func halfLoaded(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.visitor(t, g)
	_, err := chromedp.Call(p.ctx, network.Enable, network.EnableParams{})
	must(t, err)
	_, err = chromedp.Call(p.ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: "*://*:*/*/alert.js", Block: true}}})
	must(t, err)
	p.opens("/shows/"+show).clicks("#joins button").sees("#position", "1")
	p.becomes("getComputedStyle(document.querySelector('#stuck')).visibility === 'visible'", "it does not say that it is stuck")
	p.clicks("#stuck a").sees("#position", "1")
	g.letsIn(show)
	testenv.Wait(t, 20*time.Second, func() bool {
		p.opens("/shows/" + show)
		return eval[string](p, "document.documentElement.dataset.state") == "admitted"
	}, "nobody is let in")
}

var formField = regexp.MustCompile(`name="form" value="([^"]+)"`)

// A form counts only with the proof that its page was made for this visitor.
func TestAFormNeedsItsPage(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show(shut)
	page := g.do(call{method: "GET", path: "/shows/" + show}).want(http.StatusOK)
	form := formField.FindSubmatch(page.body)
	if form == nil || len(page.set) != 1 {
		t.Fatalf("no form, or %d cookies", len(page.set))
	}
	post := func(form, do string, cookies ...*http.Cookie) reply {
		return g.do(call{
			method: "POST", path: "/shows/" + show + "/queue", raw: url.Values{"form": {form}, "do": {do}}.Encode(), cookies: cookies,
			header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, bad: true,
		})
	}
	other := g.do(call{method: "GET", path: "/shows/" + show}).want(http.StatusOK)
	post(string(form[1]), "join").want(http.StatusForbidden)               // no cookie
	post("", "join", page.set...).want(http.StatusForbidden)               // no proof
	post(string(form[1]), "join", other.set...).want(http.StatusForbidden) // somebody else's
	post(string(form[1]), "dance", page.set...).want(http.StatusUnprocessableEntity)
	post(strings.Repeat("x", 5000), "join", page.set...).want(http.StatusForbidden) // larger than any form
	if n := g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).number("joined"); n != 0 {
		t.Errorf("%d joined without proof", n)
	}
	g.do(call{method: "GET", path: "/shows/no-such-show"}).want(http.StatusNotFound)
	g.do(call{method: "POST", path: "/shows/no-such-show/queue", raw: "do=join", bad: true, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}).want(http.StatusNotFound)
}
