package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"frontrow/internal/testenv"
)

// types puts a text into a field, instead of what stands there.
func (p *tab) types(selector, text string) *tab {
	p.t.Helper()
	p.sees(selector, "")
	eval[bool](p, "(() => { const e = document.querySelector("+quoted(selector)+"); e.focus(); e.select(); return true })()")
	must(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent(text)))
	return p
}

// operator signs in at the desk, and opens that of a show.
func (b chromium) operator(t *testing.T, g *testGateway, name, show string) *tab {
	t.Helper()
	p := b.visitor(t, g).width(1280).opens("/desk/shows/" + show)
	p.types("#operator", name).types("#token", testAdmin).press(kb.Enter)
	return p.sees("#valve", "").sees("#value-waiting", "").sees("#as-of", "as of")
}

// The desk as operators use it, in a real browser.
func TestTheDeskInABrowser(t *testing.T) {
	t.Parallel()
	b, g := browser(t), backend{}.serve(t)
	for name, f := range map[string]func(*testing.T, chromium, *testGateway){
		"signs in, and out":                  deskSignsIn,
		"retunes while people wait":          deskRetunes,
		"pauses and resumes, by keyboard":    deskPauses,
		"is told what others change":         deskIsTold,
		"overwrites nobody unseen":           deskClashes,
		"message and phase":                  deskSpeaks,
		"a draft":                            deskDraft,
		"what the operator says is text":     deskKeepsText,
		"looks a visitor up":                 deskLooksUp,
		"dead letters are sent again":        deskRedrives,
		"the interval":                       deskInterval,
		"the queue is started anew":          deskResets,
		"the theme":                          deskThemes,
		"seats that are not for sale":        deskKeepsSeats,
		"one visitor before their turn":      deskPrefers,
		"a session that ends keeps the rest": deskSignedOut,
	} {
		t.Run(name, func(t *testing.T) { f(t, b, g) })
	}
}

func deskSignsIn(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.visitor(t, g).opens("/desk").sees("h1", "Sign in")
	p.accessible("signing in")
	p.types("#operator", "jiyeon").types("#token", "not the token of the tests").press(kb.Enter)
	p.sees(".note", "This is not the admin token.").becomes("document.querySelector('#operator').value === 'jiyeon'", "the name is gone")
	p.types("#token", testAdmin).press(kb.Enter).sees("h1", "Desk").sees("main", "jiyeon").sees("main", show)
	g.joins(show)
	p.sees("#show-"+show+" .waiting", "1").sees("#show-"+show+" .inside", "0 of 0").accessible("the list of the desk")
	p.clicks(`a[href="/desk/shows/`+show+`"]`).sees("#flow", "inside at most")
	for _, c := range [][2]string{{"ko", "입장 멈추기"}, {"ja", "入場を止める"}, {"en", "Pause admission"}} {
		p.opens("/desk/shows/"+show+"?lang="+c[0]).sees("#pause", c[1]).sees("#foretold", "").sees("#changes", "operator")
		p.becomes("!/(desk|problem)\\.[a-z]/.test(document.body.innerText)", "some texts are missing in %s", c[0])
	}
	p.opens("/desk").clicks("form button").sees("h1", "Sign in").opens("/desk/shows/"+show).sees("h1", "Sign in")
}

func deskRetunes(t *testing.T, b chromium, g *testGateway) {
	show := g.show(rules(map[string]any{"admit": 1, "interval_ms": 1000, "max_active": 0}))
	for range 12 {
		g.joins(show)
	}
	p := b.operator(t, g, "jiyeon", show).sees("#value-waiting", "12").sees("#foretold", "Nobody is let in")
	p.becomes("document.querySelector('#apply').disabled", "what is in force can be put in force")
	p.accessible("the desk of a show")
	p.types("#cap", "7").sees("#foretold", "The 12 who wait are in after 12 sec at the soonest")
	p.becomes("document.querySelector('#cap-slide').value === '7'", "the slider stays behind")
	p.types("#admit", "2").sees("#admit-unit", "up to 120 a minute").press(kb.Enter)
	p.clicksIfAsked("#sure-yes").sees("#value-inside", "7").sees("#value-waiting", "5").sees("#changes", "Inside at most: 0 → 7").sees("#changes", "People per interval: 1 → 2").lacks("#news")
	if admission := g.admin("GET", "/v1/admin/shows/"+show+"/admission", nil).want(http.StatusOK); admission.number("admit") != 2 || admission.number("max_active") != 7 {
		t.Errorf("in force is %s", admission.body)
	}
	p.types("#cap", "9").clicks("#undo").becomes("document.querySelector('#cap').value === '7'", "undo leaves what was typed")
	eval[bool](p, "(() => { const s = document.querySelector('#cap-slide'); s.value = 3; return s.dispatchEvent(new Event('input')) })()")
	p.becomes("document.querySelector('#cap').value === '3'", "the number stays behind the slider").sees("#foretold", "nobody is put out")
	p.types("#cap", "1000001").press(kb.Enter).becomes("!document.querySelector('#cap').validity.valid", "a cap past the most is sent")
}

// clicksIfAsked confirms, where the desk asks for it.
func (p *tab) clicksIfAsked(selector string) *tab {
	p.t.Helper()
	p.becomes("document.querySelector("+quoted(selector)+").checkVisibility()", "nobody asks")
	return p.clicks(selector)
}

// enters presses a button by the keyboard, which does not miss one that the page moves.
func (p *tab) enters(selector string) *tab {
	p.t.Helper()
	p.sees(selector, "").becomes("(document.querySelector("+quoted(selector)+").focus(), document.activeElement.matches("+quoted(selector)+"))", "%s takes no focus", selector)
	p.press(kb.Enter)
	return p
}

func deskPauses(t *testing.T, b chromium, g *testGateway) {
	show := g.show()
	p := b.operator(t, g, "minho", show).sees("#flow", "Letting in up to 30,000 a minute")
	eval[bool](p, "document.querySelector('#pause').focus() ?? true")
	p.press(kb.Enter).sees("#sure", "Pause admission?").accessible("pausing")
	p.width(1280).press(kb.Escape).lacks("#sure").becomes("document.activeElement.id === 'pause'", "the focus is lost")
	p.press(kb.Enter).sees("#sure", "Pause admission?").press(kb.Enter).sees("#flow", "Paused: nobody is let in")
	p.becomes("document.activeElement.id === 'resume'", "the focus is lost")
	v := g.joins(show)
	p.sees("#value-waiting", "1").sees("#value-inside", "0").accessible("a paused show")
	p.width(390).becomes("(() => { scrollTo(0, 1e6); const r = document.querySelector('#resume').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight })()", "the valve is out of sight")
	p.width(1280).becomes("document.querySelector('#resume').focus() ?? true", "")
	p.press(kb.Enter).sees("#sure", "Resume admission?").press(kb.Enter).sees("#flow", "Letting in")
	v.is("admitted")
	p.sees("#value-inside", "1")
	// All that can be done is reached by the tab key, in the order of the page.
	eval[bool](p, "document.querySelector('#pause').focus() ?? true")
	reached := ""
	for range 9 {
		p.press(kb.Tab)
		reached += eval[string](p, "document.activeElement.id + ' '")
	}
	if want := "admit admit-slide interval cap cap-slide words "; len(reached) < len(want) || reached[:len(want)] != want {
		t.Errorf("the tab key goes to %s", reached)
	}
}

func deskIsTold(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	one, two := b.operator(t, g, "jiyeon", show), b.operator(t, g, "minho", show)
	one.types("#admit", "60").press(kb.Enter).sees("#changes", "jiyeon")
	two.sees("#news", "jiyeon: changed admission · People per interval: 50 → 60.").sees("#changes", "50 → 60").becomes("document.querySelector('#admit').value === '60'", "the lever stays where it was")
	two.accessible("news of another desk")
	two.width(1280).clicks("#news-close").lacks("#news").clicks("#pause").clicks("#sure-yes").sees("#flow", "Paused")
	one.sees("#flow", "Paused").sees("#news", "minho: changed admission · Paused: no → yes.")
}

func deskKeepsSeats(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut, func(spec map[string]any) { spec["sections"] = []any{section("A", 1000, 3), section("B", 1000, 2)} })
	one, two := b.operator(t, g, "jiyeon", show), b.operator(t, g, "minho", show)
	one.sees("#keep-told", "0 kept back, 0 blocked").lacks("#keep-release").becomes("document.querySelector('#keep-house').disabled", "nothing can be kept back")
	one.types("#keep-which", "A-1-1, A-1-2").clicks("#keep-house").sees("#keep-told", "2 kept back, 0 blocked").accessible("a desk that keeps seats")
	two.sees("#news", "jiyeon: changed what is for sale").sees("#keep-told", "2 kept back")
	one.width(1280).types("#keep-which", "B").clicks("#keep-blocked").sees("#keep-told", "2 kept back, 2 blocked")
	one.types("#keep-which", "A-9-9").clicks("#keep-house").sees("#sure", "There is no such seat.").clicks("#sure-yes")
	one.clicks("#keep-release").sees("#sure", "Blocked seats stay blocked.").clicks("#sure-yes").sees("#keep-told", "0 kept back, 2 blocked").lacks("#keep-release")
	one.types("#keep-which", "B").clicks("#keep-free").sees("#keep-told", "0 kept back, 0 blocked")
}

func deskClashes(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.operator(t, g, "jiyeon", show).types("#admit", "70")
	// What somebody else changes beside it stands in nobody's way.
	as := func(path, method string, body map[string]any) {
		g.do(call{method: method, path: "/v1/admin/shows/" + show + path, bearer: testAdmin, body: body, header: map[string]string{"X-Frontrow-Operator": "minho"}}).want(http.StatusOK)
	}
	as("/message", "PUT", map[string]any{"text": "Patience"})
	p.press(kb.Enter).sees("#changes", "50 → 70")
	p.types("#admit", "80")
	as("/admission", "PATCH", map[string]any{"admit": 75})
	p.sees("#clash", "minho has set “People per interval” to 75 meanwhile. You have 80.").accessible("a clash")
	p.width(1280).becomes("document.querySelector('#apply').disabled", "it can be overwritten unseen")
	p.clicks("#clash-mine").lacks("#clash").clicks("#apply").sees("#changes", "75 → 80")
	p.types("#admit", "90")
	as("/admission", "PATCH", map[string]any{"admit": 85})
	p.sees("#clash-theirs", "Leave it at 85").clicks("#clash-theirs").lacks("#clash").becomes("document.querySelector('#admit').value === '85'", "theirs is not there")
}

func deskSpeaks(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	v := g.joins(show)
	p := b.operator(t, g, "jiyeon", show).types("#words", "Doors at 18:00").sees("#preview", "Doors at 18:00").sees("#words-left", "486 characters left")
	p.clicks("#say").sees("#changes", "Doors at 18:00").sees("#hush", "Take it away")
	testenv.Wait(t, 5*time.Second, func() bool { return v.poll().text("message") == "Doors at 18:00" }, "who waits is not told")
	p.clicks("#hush").clicks("#sure-yes").lacks("#preview").lacks("#hush")
	p.sees("#phases", "Close the sale").clicks("#phases button").sees("#sure", "those inside included").clicks("#sure-no").lacks("#sure").sees("#phase", "On sale")
	p.clicks("#phases button").clicks("#sure-yes").sees("#phase", "Closed").sees("#flow", "The sale is closed").lacks("#pause")
	p.sees("#phases", "Open the sale").clicks("#phases button").clicks("#sure-yes").sees("#phase", "On sale").sees("#pause", "Pause")
}

func deskDraft(t *testing.T, b chromium, g *testGateway) {
	show := g.show(func(spec map[string]any) { spec["phase"] = "draft" })
	p := b.operator(t, g, "jiyeon", show).sees("#flow", "Not on sale yet").lacks("#pause").lacks("#resume")
	p.clicks("#seating summary").sees("#seating-told", "a draft are shown once")
	p.clicks("#phases button").sees("#sure", "Open the sale?").clicks("#sure-yes").sees("#phase", "On sale").sees("#pause", "Pause").sees("#plan", "")
}

func deskKeepsText(t *testing.T, b chromium, g *testGateway) {
	const evil = `<img src=x onerror="document.title='owned'"><b>Doors`
	show := g.show(shut, func(spec map[string]any) { spec["title"] = evil })
	p := b.operator(t, g, "<b>minho</b>", show).sees("h1", evil).sees(".headline", "Signed in as <b>minho</b>")
	p.types("#words", evil).sees("#preview-text", evil).clicks("#say").sees("#changes", evil).sees("#changes", "<b>minho</b>")
	const fits = "document.documentElement.scrollWidth <= innerWidth"
	p.opens("/desk").sees("main", evil).width(320).becomes(fits, "a long name makes the list too wide")
	p.opens("/desk/shows/"+show).sees("#preview-text", evil).sees("#changes", evil).becomes(fits, "a long name makes the desk too wide")
	if n := eval[int](p, "document.querySelectorAll('main img, main b').length"); n != 0 {
		t.Errorf("%d elements are made of text", n)
	}
}

func deskLooksUp(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	g.joins(show)
	v := g.joins(show)
	p := b.operator(t, g, "jiyeon", show)
	p.types("#who", v.token).press(kb.Enter).sees("#found", "Waits at position 2").sees("#found", "Joined").types("#who", "1").press(kb.Enter).sees("#found", "Waits at position 1")
	p.types("#who", "99").press(kb.Enter).sees("#found", "Has no place").types("#who", "what is this").press(kb.Enter).sees("#found .warn", "typed in")
	g.letsIn(show)
	v.is("admitted")
	p.types("#who", "2").press(kb.Enter).sees("#found", "Was called")
	testenv.Wait(t, 10*time.Second, func() bool {
		p.types("#who", v.token).press(kb.Enter).sees("#found", "Is inside").sees("#found", "Has until")
		return strings.Contains(eval[string](p, "document.querySelector('#found').innerText"), "Called")
	}, "nothing says when they were called")
	p.clicks("#seating summary").sees("#plan", "").becomes("document.querySelector('#map canvas')?.width > 100", "no hall is drawn")
	p.accessible("a visitor who is looked up, and the hall")
}

func deskPrefers(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	g.joins(show)
	v := g.joins(show)
	p := b.operator(t, g, "jiyeon", show)
	p.types("#who", v.token).press(kb.Enter).sees("#found", "Waits at position 2").enters("#found .second").sees("#sure", "Everybody else in line waits").clicks("#sure-yes")
	p.sees("#found", "Called before their turn").lacks("#found .second").sees("#changes", "called a visitor before their turn").accessible("a visitor who is called before their turn")
	p.width(1280)
	g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", map[string]any{"max_active": 1}).want(http.StatusOK)
	v.is("admitted")
	p.types("#who", v.token).press(kb.Enter).sees("#found", "Is inside").lacks("#found .second")
	p.enters("#found .danger").sees("#sure", "Their place ends at once").clicks("#sure-yes").sees("#found", "Banned").sees("#changes", "banned a visitor").sees("#news", "Inside at most")
	p.becomes("!document.querySelector('#news').innerText.includes('banned')", "the desk is told what it did itself")
	p.enters("#found .second").sees("#found .danger", "Ban")
}

func deskRedrives(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	const event = "01KAT5ZB0T6W3N9H5D8F2G7KQX"
	must(t, g.db.Exec("INSERT INTO events (id, type, show_id, subject, visitor, trace, payload, listeners, at) VALUES (?, 'order.paid', ?, ?, 'v', '', '{}', '', ?)", event, show, event, g.store.Now()).Error)
	must(t, g.db.Exec("INSERT INTO deliveries (event_id, listener, subject, state, tries, next_at, claim, last_error) VALUES (?, 'letter-writer', ?, 'dead', 7, ?, '', '<b>no such address')", event, event, g.store.Now()).Error)
	p := b.operator(t, g, "jiyeon", show).sees("#letters", "7 tries: <b>no such address").sees("#under-lag", "1 dead letter")
	p.accessible("a dead letter")
	p.width(1280).lacks("#letters-all button").clicks("#letters button").sees("#sure", "Old news").clicks("#sure-yes").sees("#no-letters", "None").sees("#under-lag", "0 dead letters")
	must(t, g.db.Exec("UPDATE deliveries SET state = 'dead' WHERE event_id = ?", event).Error)
	const second = "01KAT5ZB0T6W3N9H5D8F2G7KQY"
	must(t, g.db.Exec("INSERT INTO events (id, type, show_id, subject, visitor, trace, payload, listeners, at) VALUES (?, 'order.paid', ?, ?, 'v', '', '{}', '', ?)", second, show, second, g.store.Now()).Error)
	must(t, g.db.Exec("INSERT INTO deliveries (event_id, listener, subject, state, tries, next_at, claim, last_error) VALUES (?, 'letter-writer', ?, 'dead', 7, ?, '', 'no such address')", second, second, g.store.Now()).Error)
	p.sees("#letters-all", "Send all 2 of letter-writer again").sees("#under-lag", "2 dead letters").accessible("dead letters")
	p.width(1280).clicks("#letters-all button").sees("#sure", "Old news").clicks("#sure-yes").sees("#no-letters", "None").lacks("#letters-all button")
	must(t, g.db.Exec("DELETE FROM deliveries WHERE event_id IN (?, ?)", event, second).Error)
}

func deskInterval(t *testing.T, b chromium, g *testGateway) {
	show := g.show(rules(map[string]any{"admit": 1, "interval_ms": 1000, "max_active": 5}))
	p := b.operator(t, g, "jiyeon", show).types("#interval", "500").sees("#admit-unit", "up to 120 a minute")
	p.press(kb.Enter).sees("#changes", "Interval (ms): 1000 → 500").becomes("document.querySelector('#interval').value === '500'", "it is not in force")
	p.types("#interval", "100").press(kb.Enter).sees("#sure", "5 times as much").clicks("#sure-no").lacks("#sure")
	for _, bad := range []string{"99", "60001"} {
		p.types("#interval", bad).press(kb.Enter).becomes("!document.querySelector('#interval').validity.valid", "%s ms are sent", bad)
	}
	p.types("#interval", "60000").press(kb.Enter).sees("#changes", "500 → 60000")
}

// deskResets: the queue is thrown away once the show's name was typed, and other desks are told.
func deskResets(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut, func(spec map[string]any) { spec["title"] = "Moonlit Orchestra" })
	v := g.joins(show)
	p, other := b.operator(t, g, "jiyeon", show).sees("#value-waiting", "1"), b.operator(t, g, "minho", show)
	p.clicks("#anew summary").clicks("#reset").sees("#sure", "1 who wait and 0 who are inside").accessible("starting the queue anew")
	p.width(1280).becomes("document.querySelector('#sure-yes').disabled", "it is done without the name").types("#sure-name", "moonlit")
	p.press(kb.Enter).becomes("document.querySelector('#sure-yes').disabled", "it is done by half of the name").sees("#sure", "")
	p.types("#sure-name", " Moonlit  Orchestra").clicks("#sure-yes").lacks("#sure").sees("#value-waiting", "0").sees("#changes", "started the queue anew")
	other.sees("#news", "jiyeon: started the queue anew").sees("#value-waiting", "0")
	v.poll().problem(http.StatusGone, "place_expired")
	p.clicks("#pause").sees("#sure", "Pause admission?").lacks("#sure-typed").clicks("#sure-yes").sees("#flow", "Paused")
}

// deskThemes: a draft is seen by its preview, which the desk leads to, and published from there.
func deskThemes(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.operator(t, g, "jiyeon", show).sees("#theme-told", "their own looks").sees("#theme-views", "The waiting room").lacks("#theme-views button")
	g.admin("PUT", "/v1/admin/shows/"+show+"/theme", map[string]any{"name": "<b>Moonlit"}).want(http.StatusOK)
	p.sees("#theme-told", "a draft of “<b>Moonlit”").accessible("a draft of a theme")
	preview := p.width(1280).opens(eval[string](p, "document.querySelectorAll('#theme-views a')[2].href"))
	preview.sees("#preview", "A preview").sees("#admitted", "It is your turn").opens("/desk/shows/" + show)
	p.sees("#theme-views", "Before joining").clicks("#theme-views button").sees("#sure", "Publish the draft?").clicks("#sure-yes")
	p.sees("#theme-told", "Visitors see the theme “<b>Moonlit”").lacks("#theme-views button")
	b.visitor(t, g).opens("/shows/"+show).sees(".brand", "<b>Moonlit")
}

func deskSignedOut(t *testing.T, b chromium, g *testGateway) {
	show := g.show(shut)
	p := b.operator(t, g, "jiyeon", show).types("#words", "Half a sentence")
	other := p.another().opens("/desk")
	other.clicks("form button").sees("h1", "Sign in")
	p.sees("#trouble", "You are signed out").becomes("document.querySelector('#words').value === 'Half a sentence'", "what was typed is gone")
	other.types("#operator", "jiyeon").types("#token", testAdmin).press(kb.Enter).sees("h1", "Desk")
	p.opens("/desk/shows/"+show).sees("#as-of", "as of")
	p.offline(true).sees("#trouble", "No connection").offline(false).lacks("#trouble")
}
