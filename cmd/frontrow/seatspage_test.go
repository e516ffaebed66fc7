package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"frontrow/internal/hall"
	"frontrow/internal/testenv"
)

// twoBlocks are 8 rows of 10 seats in each of two sections, side by side, so that a seat
// stands where its row and number say.
func twoBlocks(spec map[string]any) {
	block := func(name string, price, left int) map[string]any {
		rows := make([]any, 8)
		for r := range rows {
			seats := make([]any, 10)
			for s := range seats {
				seats[s] = map[string]any{"number": fmt.Sprint(s + 1), "x": float64(left + s), "y": float64(r)}
			}
			rows[r] = map[string]any{"row": fmt.Sprint(r + 1), "seats": seats}
		}
		return map[string]any{"section": name, "name": "Block " + name, "price": price, "rows": rows}
	}
	spec["sections"] = []any{block("A", 165_000, 0), block("B", 88_000, 12)}
	spec["max_seats"], spec["hold_seconds"] = 4, 300
	spec["cancel_until"] = time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
}

// inside is a visitor whose turn it is, on the seat map.
func (b chromium) inside(t *testing.T, g *testGateway, show string) *tab {
	t.Helper()
	p := b.visitor(t, g).opens("/")
	testenv.Wait(t, 20*time.Second, func() bool { // a gateway that has much to do may say that it is not available
		return eval[bool](p, "fetch('/v1/shows/"+show+"/queue', { method: 'POST', headers: { 'X-Frontrow': '1' } }).then((r) => r.ok)")
	}, "they are given no place")
	testenv.Wait(t, 20*time.Second, func() bool {
		return eval[bool](p, "fetch('/v1/shows/"+show+"/queue').then((r) => r.json()).then((s) => s.state === 'admitted')")
	}, "they are not let in")
	return p.opens("/shows/"+show+"/seats").sees("#time", ":").sees("#prices", ",000")
}

// taps taps on a seat of twoBlocks, counted from 0 in the plan's columns and rows.
func (p *tab) taps(show string, column, row int) *tab {
	p.t.Helper()
	p.rests()
	at := eval[[]float64](p, fmt.Sprintf("(() => { const v = JSON.parse(sessionStorage.getItem('view-%s')), b = document.querySelector('#map').getBoundingClientRect(); return [b.left + v.x + %d * v.scale, b.top + v.y + %d * v.scale] })()", show, column, row))
	must(p.t, chromedp.Do(p.ctx, chromedp.MouseClickXY(at[0], at[1])))
	return p
}

// rests waits until the map does not move any more: where it lies is kept in the tab then.
func (p *tab) rests() *tab {
	p.t.Helper()
	return p.becomes("!!document.querySelector('#map canvas') && document.querySelector('#map').dataset.moves === undefined", "the map does not come to rest")
}

func (p *tab) press(keys ...string) *tab {
	p.t.Helper()
	for _, key := range keys {
		must(p.t, chromedp.Do(p.ctx, chromedp.KeyEvent(key)))
	}
	return p
}

// orders are the visitor's by state, as "paid declined", the newest first.
func (p *tab) orders() string {
	p.t.Helper()
	return eval[string](p, "fetch('/v1/orders').then((r) => r.json()).then((o) => o.orders.map((x) => x.state).join(' '))")
}

// The seats and the till as people use them, in a real browser.
func TestSeatsAndTillInABrowser(t *testing.T) {
	t.Parallel()
	b, g := browser(t), backend{}.serve(t)
	for name, f := range map[string]func(*testing.T, chromium, *testGateway){
		"by tap":             seatsByTap,
		"by keyboard alone":  seatsByKeyboard,
		"the best there are": seatsAtTheirBest,
		"lost to somebody else, and others taken": seatsLost,
		"a taken one is explained":                seatExplained,
		"reload and back at each step":            tillReloaded,
		"declined, then paid":                     tillDeclined,
		"two clicks are one order":                tillClickedTwice,
		"confirmed later":                         tillPending,
		"looking on":                              seatsLookedAt,
		"more time":                               moreTime,
		"without script":                          tillWithoutScript,
		"more time without script":                moreTimeWithoutScript,
		"script half loaded":                      seatsHalfLoaded,
		"no cookies":                              seatsWithoutCookies,
		"inside of another show":                  seatsOfAnother,
		"names are text":                          seatsNamesAreText,
		"each language":                           seatsInEachLanguage,
		"a change is seen soon":                   seatsSeenSoon,
		"where people stand":                      seatsToStand,
	} {
		t.Run(name, func(t *testing.T) { f(t, b, g) })
	}
}

func seatsByTap(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show)
	p.accessible("the seat map")
	p.taps(show, 3, 0).taps(show, 4, 0).sees("#chips", "Block A, row 1, seat 4").sees("#chips", "seat 5").sees("#total", "330,000")
	p.taps(show, 4, 0).becomes("document.querySelectorAll('#chips li').length === 1", "a second tap does not give it back")
	p.clicks("#go").sees("#lines", "Block A, row 1, seat 4").sees("#total", "165,000").sees("#time", "Held for you")
}

func seatsByKeyboard(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show)
	eval[bool](p, "document.querySelector('#list summary').focus() ?? true")
	p.press(kb.Enter).sees("#list .seat", "1")
	p.press(kb.Tab, kb.ArrowRight, kb.ArrowDown, " ")
	p.sees("#chips", "Block A, row 2, seat 2").becomes("document.activeElement.ariaPressed === 'true'", "the seat does not say that it is chosen")
	p.becomes("document.querySelector('#told').textContent.includes('row 2, seat 2 chosen')", "nobody is told")
	p.accessible("a section's seats")
	eval[bool](p, "document.querySelector('#go').focus() ?? true")
	p.press(kb.Enter).sees("#lines", "Block A, row 2, seat 2")
	p.becomes("document.querySelector('[name=method]:checked').value === 'card'", "an empty wallet is asked to pay")
	eval[bool](p, "document.querySelector('#pay-button').focus() ?? true")
	p.press(kb.Enter).sees("#receipt", "Paid")
}

func seatsAtTheirBest(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show)
	must(t, chromedp.Do(p.ctx, chromedp.SetValue(chromedp.CSS("#best-section"), "B")))
	p.clicks("#best-button").sees("#lines", "Block B, row").becomes("document.querySelectorAll('#lines li').length === 2", "they are not two")
}

// seatsLost: the states come too late to say so, and the gateway refuses.
func seatsLost(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show).taps(show, 4, 0).taps(show, 5, 0).sees("#chips", "seat 6")
	eval[bool](p, "(() => { const f = fetch; window.fetch = (u, o) => String(u).includes('/seats/state') ? new Promise(() => {}) : f(u, o); return true })()")
	g.enters(show).hold("A-1-5").want(http.StatusCreated)
	p.clicks("#go").sees("#notice-text", "Somebody else was faster: Block A, row 1, seat 5 is gone.").accessible("a seat that is gone")
	p.clicks("#notice-take").becomes("document.querySelectorAll('#lines li').length === 2", "the others are not held").lacks("#notice")
	if held := eval[string](p, "document.querySelector('#lines').innerText"); strings.Contains(held, "row 1, seat 5\n") {
		t.Errorf("they hold %s", held)
	}
	g.verifies(show)
}

func seatExplained(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show)
	p.taps(show, 2, 2).sees("#chips", "row 3, seat 3")
	g.enters(show).hold("A-3-3", "A-3-5").want(http.StatusCreated)
	p.sees("#notice-text", "Somebody else was faster: Block A, row 3, seat 3 is gone.").lacks("#chips")
	p.clicks("#notice-close").clicks("#zoom-all").taps(show, 4, 2).sees("#notice-text", "row 3, seat 5 is held by somebody else")
}

func tillReloaded(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show).taps(show, 0, 0).sees("#chips", "row 1, seat 1")
	reload := func() { must(t, chromedp.Do(p.ctx, chromedp.Reload())) }
	back := func() { eval[bool](p, "setTimeout(() => history.back()) > 0") } // a page that is kept for it loads no more
	reload()
	p.sees("#chips", "row 1, seat 1").clicks("#go").sees("#lines", "row 1, seat 1")
	reload()
	p.sees("#lines", "row 1, seat 1").sees("#time", "Held for you")
	back()
	p.sees("#go", "On to paying").sees("#chips", "row 1, seat 1").sees("#time", "Held for you")
	p.taps(show, 1, 0).sees("#go", "Change to these").clicks("#go").becomes("document.querySelectorAll('#lines li').length === 2", "the hold did not change")
	p.clicks("#way-card").clicks("#pay-button").sees("#receipt", "Paid").accessible("the receipt")
	p.clicks("#receipt-way").sees("#steps", "Order paid").sees("#state", "paid").accessible("the way of the order")
	back()
	p.sees("#receipt", "Paid")
	reload()
	p.sees("#receipt", "Paid").sees("#receipt-seats", "Block A, row 1, seat 1; Block A, row 1, seat 2")
	back()
	p.sees("#hall", "").opens("/shows/"+show+"/checkout").sees("#nothing", "You hold no seats").sees("#earlier", "Block A, row 1, seat 1; Block A, row 1, seat 2")
	if orders := p.orders(); orders != "paid" {
		t.Errorf("orders are %s", orders)
	}
	p.clicks("#earlier a").clicks("#receipt-tickets").sees(".ticket", "Block A").becomes("document.images.length === 2 && [...document.images].every((i) => i.complete && i.naturalWidth > 0)", "the codes are not shown")
	p.accessible("the tickets")
	back()
	p.clicks("#cancel").clicks("#sure [value=yes]").sees("#receipt", "Cancelled")
	g.verifies(show)
}

func tillDeclined(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show).taps(show, 0, 0).clicks("#go").clicks("#way-card")
	p.sees("#card-demo", "no money moves").accessible("the till")
	must(t, chromedp.Do(p.ctx, chromedp.SetValue(chromedp.CSS("#demo-cards"), "card_declined")))
	p.clicks("#pay-button").sees("#declined", "declined").sees("#time", "Held for you")
	must(t, chromedp.Do(p.ctx, chromedp.SetValue(chromedp.CSS("#demo-cards"), "card_ok")))
	p.clicks("#pay-button").sees("#receipt", "Paid")
	if orders := p.orders(); orders != "paid declined" {
		t.Errorf("orders are %s", orders)
	}
	g.verifies(show)
}

func tillClickedTwice(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show).taps(show, 0, 0).clicks("#go").sees("#lines", "seat 1")
	p.clicks("#way-wallet").sees("#short", "165,000").clicks("#charge").lacks("#short")
	q := p.another().opens("/shows/"+show+"/checkout").sees("#lines", "seat 1")
	both := "(() => { const b = document.querySelector('#pay-button'); b.click(); b.click(); b.form.requestSubmit(); return true })()"
	eval[bool](q, both)
	eval[bool](p, both)
	p.sees("#receipt", "Paid")
	q.sees("#receipt", "Paid")
	if orders := p.orders(); orders != "paid" {
		t.Errorf("orders are %s", orders)
	}
	g.verifies(show)
}

func tillPending(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show).taps(show, 0, 0).clicks("#go").clicks("#way-card")
	must(t, chromedp.Do(p.ctx, chromedp.SetValue(chromedp.CSS("#demo-cards"), "card_late")))
	p.clicks("#pay-button").sees("#pending", "under way")
	must(t, chromedp.Do(p.ctx, chromedp.Reload()))
	p.sees("#receipt", "Paid")
}

func seatsLookedAt(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.visitor(t, g).opens("/shows/"+show+"/seats").sees("#waiting", "You are looking on")
	p.accessible("looking on")
	p.taps(show, 0, 0).sees("#chips", "row 1, seat 1").becomes("document.querySelector('#go').disabled", "who is not inside can hold")
	p.opens("/shows/nothing/seats").sees("main", "no show of that name")
}

// seatsHalfLoaded: the map's script does not come, and the plain form stands in for it.
func seatsHalfLoaded(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show).without("*://*:*/assets/*/seatmap.js", "*://*:*/assets/*/inside.js").opens("/shows/" + show + "/seats")
	p.sees("#plain", "Find the best for me").lacks("#hall").accessible("the plain form")
	p.clicks("#plain button[value=best]").sees("#lines", "Block")
	p.opens("/shows/"+show+"/checkout").sees("#plain", "Pay without JavaScript").accessible("a till whose script did not come")
	p.clicks("#plain a").sees("#lines", "Block")
}

// seatsWithoutCookies: whose browser keeps nothing is told so, and is shown the seats.
func seatsWithoutCookies(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.visitor(t, g).first(`
		Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("blocked", "SecurityError") } });
		Object.defineProperty(Navigator.prototype, "cookieEnabled", { get: () => false });`)
	p.opens("/shows/"+show+"/seats").sees("#prices", ",000").sees("#waiting", "keeps no cookies").sees("#waiting a", "To the queue")
	p.opens("/shows/"+show+"/checkout").sees("#nothing", "You hold no seats")
	q := b.visitor(t, g).opens("/shows/"+show+"/seats?section=A").sees("#plain", "Block A")
	_, err := chromedp.Call(q.ctx, network.ClearBrowserCookies, cdp.Empty{})
	must(t, err)
	q.clicks("#plain button[value=best]").sees("main", "allow cookies").sees("main a", "Back to the queue")
}

// seatsOfAnother: a pass of one show is good for no other.
func seatsOfAnother(t *testing.T, b chromium, g *testGateway) {
	show, other := g.show(twoBlocks), g.show(twoBlocks)
	p := b.inside(t, g, other)
	cookies, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{})
	must(t, err)
	for _, cookie := range cookies.Cookies {
		if strings.HasSuffix(cookie.Name, "_"+other) { // place and pass
			_, err := chromedp.Call(p.ctx, network.SetCookie, network.SetCookieParams{Name: strings.TrimSuffix(cookie.Name, other) + show, Value: cookie.Value, URL: g.URL()})
			must(t, err)
		}
	}
	p.opens("/shows/"+show+"/seats").sees("#waiting", "You are looking on").sees("#waiting a", "To the queue")
	p.taps(show, 0, 0).sees("#chips", "seat 1").becomes("document.querySelector('#go').disabled", "who is not inside can hold")
	if code := eval[string](p, "fetch('/v1/shows/"+show+"/holds', { method: 'POST', headers: { 'X-Frontrow': '1', 'Content-Type': 'application/json' }, body: '{\"best\":1}' }).then((r) => r.json()).then((r) => r.code)"); code != "pass_required" {
		t.Errorf("a hold is answered %s", code)
	}
	p.opens("/shows/"+show+"/seats?section=A").clicks("#plain button[value=best]").sees("#trouble", "for those whose turn it is").sees("#plain a", "To the queue")
}

// seatsNamesAreText: what operators write is shown as they wrote it.
func seatsNamesAreText(t *testing.T, b chromium, g *testGateway) {
	const evil = `<img src=x onerror="document.title='owned'"><b>Row`
	show := g.show(twoBlocks, func(spec map[string]any) {
		spec["title"], spec["venue"] = evil, evil
		spec["sections"].([]any)[0].(map[string]any)["name"] = evil
	})
	plain := func(p *tab, where string) {
		t.Helper()
		if n := eval[int](p, "document.querySelectorAll('main img[src=x], main b').length"); n != 0 {
			t.Errorf("%s: %d elements are made of text", where, n)
		}
	}
	p := b.inside(t, g, show).sees("#list", evil).sees(".eyebrow", evil)
	p.taps(show, 0, 0).sees("#chips", evil).accessible("long names")
	plain(p, "the seat map")
	p.opens("/shows/"+show+"/seats?section=A").sees("#plain", evil)
	plain(p, "the plain form")
	p.opens("/shows/"+show+"/seats").clicks("#go").sees("#lines", evil)
	plain(p, "the till")
	p.opens("/shows/"+show+"/checkout?plain").sees("#lines", evil)
	plain(p, "the plain till")
	p.clicks("#pay-card").sees("#receipt", evil).clicks("#tickets").sees(".ticket", evil)
	plain(p, "the ticket")
}

func seatsInEachLanguage(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show)
	p.clicks(".langs a[lang=ko]").sees("h1", "좌석 선택").taps(show, 0, 0).sees("#chips", "1열 1번").accessible("the seat map in Korean")
	p.clicks(".langs a[lang=ja]").sees("h1", "座席を選ぶ").sees("#chips", "1列1番").accessible("the seat map in Japanese")
	p.clicks("#go").sees("#lines", "1列1番").sees("#way-card", "カード").accessible("the till in Japanese")
	p.clicks(".langs a[lang=ko]").sees("#lines", "1열 1번").accessible("the till in Korean")
	p.opens("/shows/"+show+"/checkout?plain").sees("#pay-card", "결제").clicks(".langs a[lang=ja]").sees("#pay-card", "支払う").accessible("the plain till in Japanese")
	p.clicks("#pay-card").sees("#receipt", "お支払いが完了しました").clicks(".langs a[lang=ko]").sees("#receipt", "결제되었습니다").accessible("the plain receipt in Korean")
	p.clicks("#tickets").sees(".place", "구역").accessible("a ticket in Korean")
	p.clicks(".langs a[lang=ja]").sees(".place", "エリア").sees("#print", "印刷")
	order := eval[string](p, "location.pathname.split('/')[2]")
	p.opens("/shows/"+show+"/checkout?order="+order).sees("#receipt-seats", "Block A 1列1番").clicks(".langs a[lang=ko]").sees("#receipt-seats", "Block A 1열 1번").clicks(".langs a[lang=ja]").sees("#receipt-title", "お支払い")
	p.opens("/orders/"+order).sees("#steps", "注文の支払い完了").clicks(".langs a[lang=ko]").sees("#steps", "주문 결제 완료").accessible("the way of an order in Korean")
}

// seatsToStand buys places in which people stand: by the map, which gives the lowest numbers,
// and by the plain form, which asks how many.
func seatsToStand(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks, func(spec map[string]any) {
		spec["sections"] = append(spec["sections"].([]any), map[string]any{
			"section": "F", "name": "Floor", "price": 120_000, "standing": 80, "area": map[string]any{"x": -0.5, "y": -5.5, "width": 20, "height": 4},
		})
	})
	p := b.inside(t, g, show)
	p.taps(show, 15, 2).taps(show, 15, 2).sees("#chips", "Floor, standing, number").becomes("document.querySelectorAll('#chips li').length === 2", "a second tap is not a second place")
	p.becomes("[...document.querySelectorAll('#chips button')].every((b) => Number(b.textContent.match(/number (\\d+)/)[1]) <= 21)", "the numbers are not the lowest")
	p.accessible("a place to stand is chosen")
	p.clicks(".langs a[lang=ko]").sees("#chips", "스탠딩 입장번호").clicks(".langs a[lang=ja]").sees("#chips", "整理番号").clicks(".langs a[lang=en]").sees("#list", "Floor")
	eval[bool](p, "[...document.querySelectorAll('#list summary')].at(-1).click() ?? true")
	p.sees("#list", "People stand here").accessible("the list of places to stand")
	p.clicks("#go").sees("#lines", "Floor, standing, number").sees("#total", "240,000").clicks("#pay-button").sees("#receipt-seats", "Floor, standing, number")
	p.clicks("#receipt-tickets").sees(".place", "Entry number").becomes("!document.querySelector('.place').textContent.includes('Row')", "a row is told where there is none")

	q := b.scriptless(t, g, show)
	q.opens("/shows/"+show+"/seats?section=F").sees("#plain", "People stand here").becomes("document.querySelectorAll('[name=seat]').length === 0", "places are to be picked")
	q.becomes("document.querySelector('#plain select[name=section]').value === 'F'", "the section is not chosen").legible("places to stand")
	q.clicks("#plain button[value=best]").sees("#lines", "Floor, standing, number")
}

// seatsSeenSoon logs how long it takes until a seat that somebody else has taken looks so:
// two seconds at most on a machine of its own.
func seatsSeenSoon(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.inside(t, g, show)
	eval[bool](p, "document.querySelector('#list summary').click() ?? true")
	v := g.enters(show)
	for n := 1; n <= 4; n++ {
		since := time.Now()
		v.hold(fmt.Sprintf("A-1-%d", n)).want(http.StatusCreated)
		p.becomes(fmt.Sprintf("document.querySelector('.seat[data-seat=\"%d\"]').dataset.kind === '1'", n-1), "seat %d still looks free", n)
		t.Logf("seen after %d ms", time.Since(since).Milliseconds())
		hold := v.g.do(call{method: "GET", path: "/v1/holds", bearer: v.token}).want(http.StatusOK).json()["holds"].([]any)[0].(map[string]any)["hold"].(string)
		v.g.do(call{method: "DELETE", path: "/v1/holds/" + hold, bearer: v.token}).want(http.StatusNoContent)
	}
}

// Two people want the same seats at the same time: one has them, and the other the next best.
func TestTwoPeopleInABrowser(t *testing.T) {
	t.Parallel()
	b := browser(t)
	eachBackend(t, func(t *testing.T, back backend) {
		g := back.serve(t)
		show := g.show(twoBlocks, shut)
		two := [2]*tab{}
		for i := range two {
			two[i] = b.visitor(t, g).opens("/").opens("/shows/"+show).clicks("#joins button").sees("#position", fmt.Sprint(i+1))
		}
		g.letsIn(show)
		for _, p := range two {
			p.sees("#admitted", "It is your turn").clicks("#go").sees("#prices", ",000").sees("#time", "Time to choose")
			p.taps(show, 4, 0).taps(show, 5, 0).sees("#chips", "seat 6")
		}
		for _, p := range two {
			eval[bool](p, "document.querySelector('#go').click() ?? true") // at the same time, and not one after the other
		}
		won, lost := 0, 1
		testenv.Wait(t, 20*time.Second, func() bool {
			for i, p := range two {
				text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.querySelector('#notice-text')?.textContent ?? ''"))
				if err == nil && strings.Contains(text, "Somebody else was faster") {
					won, lost = 1-i, i
					return true
				}
			}
			return false
		}, "nobody loses")
		two[won].sees("#lines", "row 1, seat 5")
		p := two[lost].clicks("#notice-take").sees("#lines", "Block A")
		for _, p := range two {
			p.clicks("#way-wallet").clicks("#charge").lacks("#short").clicks("#pay-button").sees("#receipt", "Paid")
		}
		for _, p := range two {
			p.clicks("#receipt-tickets").becomes("document.images.length === 2", "they are not two tickets")
		}
		if seats := eval[string](p, "document.querySelector('.tickets').innerText"); strings.Contains(seats, "A-1-5") {
			t.Errorf("both have %s", seats)
		}
		g.verifies(show)
	})
}

// arenaOf has so many seats of a real hall.
func arenaOf(t *testing.T, seats int) func(map[string]any) {
	t.Helper()
	sections, err := hall.Arena(seats)
	must(t, err)
	return func(spec map[string]any) { spec["sections"], spec["max_seats"] = sections, 4 }
}
