package main

import (
	"net/http"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScreensOfSeats makes the pictures of seat map, till and tickets.
func TestScreensOfSeats(t *testing.T) {
	if *screens == "" {
		t.Skip("only with -screens: make screens")
	}
	must(t, os.MkdirAll(*screens, 0o755)) //nolint:gosec // everybody may look into it
	b, g := browser(t), backend{}.serve(t)
	show := g.show(arenaOf(t, 6000), func(spec map[string]any) {
		spec["title"], spec["venue"], spec["plays_at"] = "Moonlit Orchestra", "Olympic Hall, Seoul", "2027-03-20T10:00:00Z"
		spec["hold_seconds"], spec["cancel_until"] = 300, "2027-03-19T10:00:00Z"
		spec["admission"].(map[string]any)["claim_seconds"] = 600
	})
	for i, section := range []string{"A", "A", "A", "B", "B", "C", "101", "102", "103", "104", "105", "106"} {
		v := g.enters(show)
		hold := v.best(4, section).want(http.StatusCreated)
		if i%2 == 0 {
			v.charge(2_000_000)
			v.pay(hold.text("hold"), "one").want(http.StatusCreated)
		}
	}
	p := b.inside(t, g, show)
	p.width(1280).clicks("#zoom-all").rests().pictured("seats-far")
	p.clicks("#zoom-all").entersSection("A").rests().pictured("seats-near")
	eval[bool](p, "document.querySelector('#list summary').click() ?? true")
	eval[bool](p, "(() => { const f = [...document.querySelectorAll('#list .seat[aria-disabled=false]')]; f[8].click(); f[9].click(); return true })()")
	p.sees("#chips", "Floor A").pictured("seats-chosen")
	eval[bool](p, "document.querySelector('#list .seat[aria-disabled=true]').click() ?? true")
	p.sees("#notice-take", "Take").pictured("seats-taken")
	p.clicks("#notice-close").clicks("#go").sees("#lines", "Floor A")
	p.clicks("#way-wallet").sees("#short", "missing").pictured("till-wallet")
	p.clicks("#way-card").sees("#card-demo", "demo").pictured("till-card")
	must(t, chromedp.Do(p.ctx, chromedp.SetValue(chromedp.CSS("#demo-cards"), "card_declined")))
	p.clicks("#pay-button").sees("#declined", "declined").pictured("till-declined")
	must(t, chromedp.Do(p.ctx, chromedp.SetValue(chromedp.CSS("#demo-cards"), "card_ok")))
	p.clicks("#pay-button").sees("#receipt", "Paid").pictured("receipt")
	p.clicks("#receipt-tickets").sees(".ticket", "Floor A").pictured("tickets")
	order := eval[string](p, "location.pathname.split('/')[2]")
	p.opens("/orders/"+order).sees("#steps", "Order paid").becomes("document.querySelector('#fresh').textContent === ''", "something is still to come").pictured("order-steps")

	q := b.inside(t, g, show).opens("/shows/"+show+"/seats?section=A").sees("#plain", "Floor A")
	q.pictured("plain-seats")
	q.clicks("#plain button[value=best]").sees("#lines", "seat").pictured("plain-till")
	q.clicks("#pay-card").sees("#receipt", "Paid").pictured("plain-receipt")
}

// entersSection opens a section of an arena on the map, by its name.
func (p *tab) entersSection(name string) *tab {
	p.t.Helper()
	p.rests()
	at := eval[[]float64](p, `(async () => {
		const id = document.documentElement.dataset.show, v = JSON.parse(sessionStorage.getItem('view-' + id));
		const { priceGroups, places } = await import(document.querySelector('script[src$="seats.js"]').src.replace('seats.js', 'plan.js'));
		const layout = await fetch('/v1/shows/' + id + '/seats/layout').then((r) => r.json());
		const { list } = places(layout), s = layout.sections.findIndex((x) => x.section === '`+name+`');
		const of = list.filter((x) => x.section === s), mid = (a) => of.reduce((n, x) => n + x[a], 0) / of.length;
		const least = (a) => list.reduce((n, x) => Math.min(n, x[a]), Infinity);
		const b = document.querySelector('#map').getBoundingClientRect();
		return [b.left + v.x + (mid('x') - least('x')) / 5.5 * v.scale, b.top + v.y + (mid('y') - least('y')) / 5.5 * v.scale];
	})()`)
	must(p.t, chromedp.Do(p.ctx, chromedp.MouseClickXY(at[0], at[1])))
	return p
}
