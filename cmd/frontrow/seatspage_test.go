package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

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
	eval[int](p, "fetch('/v1/shows/"+show+"/queue', { method: 'POST', headers: { 'X-Frontrow': '1' } }).then((r) => r.status)")
	testenv.Wait(t, 20*time.Second, func() bool {
		return eval[string](p, "fetch('/v1/shows/"+show+"/queue').then((r) => r.json()).then((s) => s.state)") == "admitted"
	}, "they are not let in")
	return p.opens("/shows/"+show+"/seats").sees("#time", ":").sees("#prices", ",000")
}

// taps taps on a seat of twoBlocks, counted from 0 in the plan's columns and rows.
func (p *tab) taps(show string, column, row int) *tab {
	p.t.Helper()
	at := eval[[]float64](p, fmt.Sprintf("(() => { const v = JSON.parse(sessionStorage.getItem('view-%s')), b = document.querySelector('#map').getBoundingClientRect(); return [b.left + v.x + %d * v.scale, b.top + v.y + %d * v.scale] })()", show, column, row))
	must(p.t, chromedp.Do(p.ctx, chromedp.MouseClickXY(at[0], at[1])))
	return p
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
	reload()
	p.sees("#receipt", "Paid").sees("#receipt-seats", "A-1-1, A-1-2")
	back()
	p.sees("#hall", "").opens("/shows/"+show+"/checkout").sees("#nothing", "You hold no seats").sees("#earlier", "A-1-1, A-1-2")
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

// arenaOf has so many seats of a real hall.
func arenaOf(t *testing.T, seats int) func(map[string]any) {
	t.Helper()
	sections, err := hall.Arena(seats)
	must(t, err)
	return func(spec map[string]any) { spec["sections"], spec["max_seats"] = sections, 4 }
}
