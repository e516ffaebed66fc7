package main

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"frontrow/internal/testenv"
)

// axe finds what keeps people with disabilities out (axe-core 4.14.1, testdata/axe).
//
//go:embed testdata/axe/axe.min.js
var axe string

// chromium is a browser; each visitor in it has cookies of their own.
type chromium struct{ ctx context.Context }

// running is the one that tests share while any of them uses it.
var running struct {
	sync.Mutex
	chromium
	users int
	stop  func()
}

// browser is Chromium for a test and its subtests.
func browser(t *testing.T) chromium {
	t.Helper()
	running.Lock()
	defer running.Unlock()
	if running.users == 0 {
		running.chromium, running.stop = startChromium(t)
	}
	running.users++
	t.Cleanup(func() {
		running.Lock()
		defer running.Unlock()
		if running.users--; running.users == 0 {
			running.stop()
		}
	})
	return running.chromium
}

func startChromium(t *testing.T) (chromium, func()) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium is here: scripts/setup.sh test installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium does not run as root with it
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, end := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		end()
		stop()
		t.Fatal(err)
	}
	return chromium{ctx}, func() { end(); stop() }
}

// tab is one tab of a visitor's browser, on one gateway.
type tab struct {
	t   *testing.T
	ctx context.Context
	at  string // the gateway's URL
}

// visitor opens a tab with no cookies yet.
func (b chromium) visitor(t *testing.T, g *testGateway) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	p := (&tab{t, ctx, g.URL()}).opens("about:blank")
	t.Cleanup(p.says)
	return p
}

// another opens a second tab of the same visitor.
func (p *tab) another() *tab {
	p.t.Helper()
	ctx, end := chromedp.NewContext(p.ctx)
	p.t.Cleanup(end)
	q := &tab{p.t, ctx, p.at}
	p.t.Cleanup(q.says)
	return q
}

// says logs what a tab showed last, where a test failed.
func (p *tab) says() {
	if p.t.Failed() {
		text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
		p.t.Logf("a tab shows %s (%v)", text, err)
	}
}

// opens loads a page of the gateway.
func (p *tab) opens(path string) *tab {
	p.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = p.at + path
	}
	must(p.t, chromedp.Do(p.ctx, chromedp.Navigate(path)))
	return p
}

// eval runs an expression in the page; a promise is waited for.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	must(p.t, err)
	return value
}

// clicks clicks on what a selector finds, once it can be seen and takes it.
func (p *tab) clicks(selector string) *tab {
	p.t.Helper()
	p.sees(selector, "").becomes("!document.querySelector("+quoted(selector)+")?.disabled", "%s stays disabled", selector)
	// By where it is: chromedp loses its own picture of a page that comes from the back button.
	at := eval[[]float64](p, "(() => { const e = document.querySelector("+quoted(selector)+"); e.scrollIntoView({ block: 'center' }); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()")
	must(p.t, chromedp.Do(p.ctx, chromedp.MouseClickXY(at[0], at[1])))
	return p
}

// picks takes one of what a select offers, once it is there.
func (p *tab) picks(selector, value string) *tab {
	p.t.Helper()
	p.sees(selector, "")
	eval[bool](p, "(() => { const e = document.querySelector("+quoted(selector)+"); e.value = "+quoted(value)+"; e.dispatchEvent(new Event('change')); return true })()")
	return p
}

// sees waits until an element can be seen and has this in its text.
func (p *tab) sees(selector, text string) *tab {
	p.t.Helper()
	seen := "(() => { const e = document.querySelector(" + quoted(selector) + "); return !!e && e.checkVisibility({ visibilityProperty: true }) && e.innerText.includes(" + quoted(text) + ") })()"
	return p.becomes(seen, "%s does not show %q", selector, text)
}

// lacks waits until an element cannot be seen.
func (p *tab) lacks(selector string) *tab {
	p.t.Helper()
	return p.becomes("!document.querySelector("+quoted(selector)+")?.checkVisibility({ visibilityProperty: true })", "%s is still to be seen", selector)
}

// becomes waits until an expression is true; while a page is changing it is not.
func (p *tab) becomes(expression, message string, args ...any) *tab {
	p.t.Helper()
	testenv.Wait(p.t, 20*time.Second, func() bool {
		yes, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](expression))
		return err == nil && yes
	}, message, args...)
	return p
}

func quoted(text string) string { return "`" + strings.ReplaceAll(text, "`", "\\`") + "`" }

// width makes the window so many pixels wide.
func (p *tab) width(pixels int64) *tab {
	p.t.Helper()
	must(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(pixels, 800)))
	return p
}

// media sets what the visitor prefers: prefers-color-scheme, prefers-reduced-motion.
func (p *tab) media(pairs ...string) {
	p.t.Helper()
	var features []*emulation.MediaFeature
	for i := 0; i+1 < len(pairs); i += 2 {
		features = append(features, &emulation.MediaFeature{Name: pairs[i], Value: pairs[i+1]})
	}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	must(p.t, err)
}

// scriptless switches scripts off, or on again.
func (p *tab) scriptless(off bool) *tab {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
	must(p.t, err)
	return p
}

// without keeps what matches patterns from ever coming: "*://*:*/assets/*/seatmap.js".
func (p *tab) without(patterns ...string) *tab {
	p.t.Helper()
	var block []*network.BlockPattern
	for _, pattern := range patterns {
		block = append(block, &network.BlockPattern{URLPattern: pattern, Block: true})
	}
	_, err := chromedp.Call(p.ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: block})
	must(p.t, err)
	return p
}

// first runs a script in each page before the page's own.
func (p *tab) first(script string) *tab {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	must(p.t, err)
	return p
}

// offline cuts the tab off from the network, or connects it again.
func (p *tab) offline(off bool) *tab {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: off, DownloadThroughput: -1, UploadThroughput: -1}},
	})
	must(p.t, err)
	_, err = chromedp.Call(p.ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: off, DownloadThroughput: -1, UploadThroughput: -1})
	must(p.t, err)
	return p
}

// accessible fails the test for whatever axe finds, light and dark, and for a page that
// scrolls sideways at the narrowest or the widest window.
func (p *tab) accessible(what string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		p.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
		found := eval[[]string](p, axe+`;axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.failureSummary).join("; ")))`)
		for _, violation := range found {
			p.t.Errorf("%s, %s: %s", what, scheme, violation)
		}
	}
	for _, pixels := range []int64{320, 2560} {
		if over := eval[int](p.width(pixels), "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			p.t.Errorf("%s: %d pixels too wide at %d", what, over, pixels)
		}
	}
	p.width(390)
}
