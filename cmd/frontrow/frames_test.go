package main

import (
	"flag"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// frames has TestFramesOfPanning measure; it takes a while, and wants a machine of its own.
var frames = flag.Bool("frames", false, "measure how smoothly the seat map moves")

// dragging drags the map about by so many pixels a frame, for so many frames, and tells how
// long each took.
const dragging = `(async (pixels, frames) => {
	const map = document.querySelector('#map'), box = map.getBoundingClientRect();
	map.setPointerCapture = () => {}; // no real pointer is down
	const frame = () => new Promise((done) => requestAnimationFrame(done));
	let x = box.left + box.width / 2, y = box.top + box.height / 2, way = 1, moved = 0;
	const point = (kind) => map.dispatchEvent(new PointerEvent(kind, { pointerId: 7, clientX: x, clientY: y, bubbles: true }));
	const was = () => document.querySelector('#map .layer:last-child').style.transform;
	const took = [], seen = new Set();
	point('pointerdown');
	let last = await frame();
	for (let i = 0; i < frames; i++) {
		if (moved > 600) [way, moved] = [-way, 0];
		[x, y, moved] = [x + way * pixels, y + way * pixels / 4, moved + pixels];
		point('pointermove');
		seen.add(was());
		const now = await frame();
		took.push(now - last);
		last = now;
	}
	point('pointercancel');
	took.sort((a, b) => a - b);
	return { mean: took.reduce((a, b) => a + b) / took.length, median: took[took.length >> 1], most: took[Math.floor(took.length * 0.95)], worst: took.at(-1), seen: seen.size };
})`

type dragged struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	Most   float64 `json:"most"`
	Worst  float64 `json:"worst"`
	Seen   int     `json:"seen"`
}

// TestFramesOfPanning logs how many frames a second the map of 50,000 seats makes while it is
// dragged, on a processor four times slower, and fails only if it does not move at all.
func TestFramesOfPanning(t *testing.T) {
	if !*frames {
		t.Skip("only with -frames: make frames")
	}
	b, g := browser(t), backend{}.serve(t)
	show := g.show(arenaOf(t, 50_000))
	for _, width := range []int64{390, 1280} {
		p := b.visitor(t, g).width(width).opens("/shows/"+show+"/seats").sees("#prices", ",000")
		p.clicks("#zoom-all").entersSection("A").rests()
		for _, view := range []string{"from near", "as far out as seats are drawn", "from afar"} {
			switch view {
			case "as far out as seats are drawn":
				eval[bool](p, `(() => { const map = document.querySelector('#map'); let scale = JSON.parse(sessionStorage.getItem('view-' + document.documentElement.dataset.show)).scale;
					for (; scale / 1.4 >= 7; scale /= 1.4) map.dispatchEvent(new KeyboardEvent('keydown', { key: '-', cancelable: true })); return true })()`)
			case "from afar":
				must(t, chromedp.Do(p.ctx, chromedp.Focus(chromedp.CSS("#map"))))
				p.press("0", "+", "+")
			}
			p.rests()
			for _, pixels := range []int{16, 60} {
				drag := fmt.Sprintf("%s(%d, 240)", dragging, pixels)
				drawn := "new Promise((done) => setTimeout(() => done(true), 600))" // what is in view is by then
				eval[bool](p, drawn)
				page, all := spent(t, p), spentByAll(t, p)
				eval[dragged](p, drag)
				page, all = (spent(t, p)-page)/240, (spentByAll(t, p)-all)/240
				slower(t, p, 4)
				eval[bool](p, drawn)
				d := eval[dragged](p, drag)
				slower(t, p, 1)
				t.Logf("%4d px wide, %-29s %d pixels a frame: %.0f frames a second, median %.1f ms, 95 of 100 within %.1f ms; at full speed a frame takes the page's thread %.1f ms of processor time, and all of the browser %.1f ms",
					width, view+",", pixels, 1000/d.Mean, d.Median, d.Most, page, all)
				if d.Seen < 5 {
					t.Errorf("%d px wide, %s: the map stood in %d places", width, view, d.Seen)
				}
			}
		}
	}
}

// spent is how much processor time the page's thread has taken so far, in milliseconds.
func spent(t *testing.T, p *tab) float64 {
	t.Helper()
	_, err := chromedp.Call(p.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	must(t, err)
	told, err := chromedp.Call(p.ctx, performance.GetMetrics, cdp.Empty{})
	must(t, err)
	for _, metric := range told.Metrics {
		if metric.Name == "TaskDuration" {
			return metric.Value * 1000
		}
	}
	t.Fatal("no TaskDuration")
	return 0
}

// spentByAll is that of all processes of the browser.
func spentByAll(t *testing.T, p *tab) float64 {
	t.Helper()
	told, err := chromedp.CallBrowser(p.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	must(t, err)
	sum := 0.0
	for _, process := range told.ProcessInfo {
		sum += process.CPUTime * 1000
	}
	return sum
}

// slower makes the page's processor so many times slower.
func slower(t *testing.T, p *tab, times float64) {
	t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: times})
	must(t, err)
}
