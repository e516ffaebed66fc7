package main

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"frontrow/internal/testenv"
)

// TestScreensOfDesk makes the pictures of the desk.
func TestScreensOfDesk(t *testing.T) {
	if *screens == "" {
		t.Skip("only with -screens: make screens")
	}
	must(t, os.MkdirAll(*screens, 0o755)) //nolint:gosec // everybody may look into it
	b, g := browser(t), backend{}.serve(t)
	show := g.show(arenaOf(t, 6000), concert, rules(map[string]any{"admit": 2, "interval_ms": 1000, "max_active": 60, "claim_seconds": 600, "absence_seconds": 600, "return_seconds": 1200}))
	var guests []*guest
	for range 9 {
		guests = append(guests, g.joins(show))
	}
	g.fills(show, 1200)
	p := b.visitor(t, g).opens("/desk/shows/"+show).sees("h1", "Sign in")
	p.takesWindow("desk-signin", "h1")
	p.types("#operator", "jiyeon").types("#token", testAdmin).press(kb.Enter).sees("#as-of", "as of")
	for i, v := range guests {
		v.is("admitted")
		hold := v.best(2, "A").want(http.StatusCreated).text("hold")
		if i%3 > 0 {
			v.charge(1_000_000)
			v.pay(hold, "one").want(http.StatusCreated)
		}
	}
	as := func(operator, method, path string, body map[string]any) {
		g.do(call{method: method, path: "/v1/admin/shows/" + show + path, bearer: testAdmin, body: body, header: map[string]string{"X-Frontrow-Operator": operator}}).want(http.StatusOK)
	}
	as("minho", "PATCH", "/admission", map[string]any{"admit": 3})
	as("jiyeon", "PUT", "/message", map[string]any{"text": "The doors open at 18:00. There is a cloakroom on the left."})
	testenv.Wait(t, 60*time.Second, func() bool {
		return eval[string](p, "document.querySelector('#value-inside').textContent") == "60"
	}, "the room does not fill")
	p.playsBack(show).opens("/desk/shows/"+show).sees("#as-of", "as of").sees("#under-sales", "₩")
	p.sees("#changes", "cloakroom").becomes("document.querySelector('#value-lag').textContent !== '–'", "nothing says how far listeners are").takesWindow("desk", "h1")
	p.types("#cap", "120").sees("#foretold", "who wait")
	p.takesWindow("desk-lever", "#foretold")
	p.clicks("#undo").clicks("#pause").sees("#sure", "Pause").takesWindow("desk-pause", "h1")
	p.clicks("#sure-yes").sees("#flow", "Paused")
	as("minho", "PATCH", "/admission", map[string]any{"max_active": 80})
	p.sees("#news", "minho").takesWindow("desk-paused", "h1")
	p.types("#who", "400").press(kb.Enter).sees("#found", "Waits at position")
	p.takesWindow("desk-visitor", "#found")
	p.opens("/desk").sees("h1", "Desk").takesWindow("desk-list", "h1")
}

// playsBack has the desk remember a quarter of an hour that nobody has the time to wait
// for: a crowd that came at the opening, and is let in.
func (p *tab) playsBack(show string) *tab {
	p.t.Helper()
	eval[bool](p, `(async () => {
		const s = await fetch("/v1/admin/shows/`+show+`/stats").then((r) => r.json());
		const at = Date.parse(s.as_of), samples = [];
		for (let ago = 897; ago > 0; ago -= 3) {
			const left = ago / 897, wave = Math.sin(ago / 40) + Math.sin(ago / 17) / 2;
			samples.push({
				at: at - ago * 1000, waiting: Math.round(s.waiting * (1 - 0.75 * left ** 3) + 12 * wave * left), active: Math.min(s.max_active, Math.round(12 + 170 * (1 - left) + 2 * wave)), cap: s.max_active,
				admitted: s.admitted - 1800 * left + 6 * wave, joined: s.joined - 900 * left - 1400 * left ** 2 + 8 * wave, p50: s.wait_seconds.p50 * (1 - left / 3), free: s.seats.free + 700 * left,
				sold: s.seats.sold - 660 * left + 2 * wave, errors: 0, lag: Math.max(0, 0.2 + wave / 8),
			});
		}
		sessionStorage.setItem("desk-`+show+`", JSON.stringify(samples));
		Storage.prototype.setItem = () => {}; // nor is what the desk remembers by itself
		return true;
	})()`)
	return p
}
