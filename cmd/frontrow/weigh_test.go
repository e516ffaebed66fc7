package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"frontrow/internal/testenv"
)

// weigh is for how long `make weigh` watches somebody wait; 0: not at all.
var weigh = flag.Duration("weigh", 0, "watch the waiting room for so `long`, and print what it costs")

// What the waiting room may cost, in bytes over the wire as the browser counts them, heads of
// answers included.
const (
	mostPage   = 40_000
	mostHour   = 300_000
	mostPaused = 700_000 // an hour at the front, while nobody is let in
)

// crawling lets one visitor in a second.
var crawling = rules(map[string]any{
	"admit": 1, "interval_ms": 1000, "max_active": 10_000, "absence_seconds": 600, "return_seconds": 1200, "claim_seconds": 600,
})

// counter adds up what a tab loads.
type counter struct {
	mu    sync.Mutex
	bytes float64
}

// counted counts from now on. The tab must not be asked for anything else meanwhile that it would load.
func (p *tab) counted() *counter {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.Enable, network.EnableParams{})
	must(p.t, err)
	c := &counter{}
	ctx, stop := context.WithCancel(p.ctx)
	events := chromedp.Events(ctx, network.LoadingFinished)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e, err := range events {
			if err != nil {
				return
			}
			c.mu.Lock()
			c.bytes += e.EncodedDataLength
			c.mu.Unlock()
		}
	}()
	p.t.Cleanup(func() { stop(); <-done })
	return c
}

// take gives what came since the last time.
func (c *counter) take() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.bytes
	c.bytes = 0
	return n
}

// loaded is what the page has loaded so far of what a path contains; "" for all of it.
func (p *tab) loaded(path string) (bytes, requests int) {
	p.t.Helper()
	found := eval[[]int](p, `(() => {
		const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter((e) => e.name.includes(`+quoted(path)+`) && e.transferSize);
		return [all.reduce((sum, e) => sum + e.transferSize, 0), all.length];
	})()`)
	return found[0], found[1]
}

// The page and everything that it loads until somebody waits in line is small, and so are the answers of an
// hour of waiting.
func TestTheWaitingRoomIsLight(t *testing.T) {
	t.Parallel()
	b, g := browser(t), backend{}.serve(t)
	show := g.show(crawling)
	for range 300 {
		g.joins(show)
	}
	for _, lang := range []string{"en", "ko", "ja"} {
		p := b.visitor(t, g).opens("/shows/" + show + "?lang=" + lang)
		p.clicks("#joins button").becomes("document.querySelector('#position').innerText > '0'", "no position")
		bytes, requests := p.loaded("")
		t.Logf("%s: %d bytes in %d requests", lang, bytes, requests)
		if bytes > mostPage || requests < 5 {
			t.Errorf("%s: %d bytes in %d requests, want at most %d", lang, bytes, requests, mostPage)
		}
		if lang != "en" {
			continue
		}
		p.becomes("performance.getEntriesByType('resource').some((e) => e.name.endsWith('/board') && e.transferSize)", "the board is not read")
		boards, looks := p.loaded("/board")
		polls, asked := p.loaded("/v1/shows/" + show + "/queue")
		// A poll every 24 s; beside them looks at the board after each twentieth of what is left, from
		// 600 s to 100, which is 20 ln 6; and then polls instead, from 100 s to one, which is 20 ln 100.
		hour := 36*boards/looks + (150+92)*polls/asked
		t.Logf("a look at the board %d bytes, a poll %d, an hour %d", boards/looks, polls/asked, hour)
		if hour > mostHour {
			t.Errorf("an hour of waiting takes %d bytes, want at most %d", hour, mostHour)
		}
		g.admin("POST", "/v1/admin/shows/"+show+"/pause", nil).want(http.StatusOK)
		testenv.Wait(t, 10*time.Second, func() bool {
			after := eval[float64](p, "fetch('/v1/shows/"+show+"/queue').then((r) => r.json()).then((s) => s.poll_after_ms)")
			return after >= 4000 && after <= 5000
		}, "polls do not keep to the pause")
		paused := int(time.Hour.Milliseconds()/4000) * polls / asked
		t.Logf("an hour at the front while paused at most %d", paused)
		if paused > mostPaused {
			t.Errorf("an hour at the front while paused takes %d bytes, want at most %d", paused, mostPaused)
		}
		g.admin("POST", "/v1/admin/shows/"+show+"/resume", nil).want(http.StatusOK)
	}
}

// slowed makes network and processor those of a cheap phone: this many bytes a second, an answer not before
// the latency, and a processor so many times slower.
func (p *tab) slowed(bytesPerSecond float64, latency time.Duration, processor float64) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{
			Latency: float64(latency.Milliseconds()), DownloadThroughput: bytesPerSecond, UploadThroughput: bytesPerSecond / 2,
		}},
	})
	must(p.t, err)
	_, err = chromedp.Call(p.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: processor})
	must(p.t, err)
}

// busy is the processor time that the tab's main thread has taken.
func (p *tab) busy() time.Duration {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	must(p.t, err)
	found, err := chromedp.Call(p.ctx, performance.GetMetrics, cdp.Empty{})
	must(p.t, err)
	for _, m := range found.Metrics {
		if m.Name == "TaskDuration" {
			return time.Duration(m.Value * float64(time.Second))
		}
	}
	p.t.Fatal("the browser does not tell how busy it was")
	return 0
}

// paints loads the waiting room as a new visitor does, on such a network and with a processor four times slower,
// and says how long after the first byte something was to be seen. The browser notes a byte when the socket
// has it, and holds it back for the latency after that: so none has come before a latency is over.
func paints(t *testing.T, b chromium, g *testGateway, path string, bytesPerSecond float64, latency time.Duration) time.Duration {
	t.Helper()
	p := b.visitor(t, g)
	p.slowed(bytesPerSecond, latency, 4)
	p.opens(path).becomes("performance.getEntriesByName('first-contentful-paint').length === 1", "nothing is painted")
	ms := eval[float64](p, fmt.Sprintf(`(() => {
		const { requestStart, responseStart } = performance.getEntriesByType("navigation")[0];
		return performance.getEntriesByName("first-contentful-paint")[0].startTime - Math.max(responseStart, requestStart + %d);
	})()`, latency.Milliseconds()))
	return time.Duration(ms * float64(time.Millisecond))
}

// TestWeigh prints what the waiting room costs, for docs/performance.md. Times are as this machine has them.
func TestWeigh(t *testing.T) {
	if *weigh == 0 {
		t.Skip("only with -weigh: make weigh")
	}
	b, g := browser(t), backend{}.serve(t)
	show := g.show(concert, crawling)
	for range 3600 {
		g.joins(show)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { must(t, table.Flush()) }()
	row := func(what string, value any, target string) { fmt.Fprintf(table, "%s\t%v\t%s\n", what, value, target) }

	for _, net := range []struct {
		name    string
		bytes   float64
		latency time.Duration
	}{
		{"1.6 Mbit/s, 300 ms", 200_000, 300 * time.Millisecond},
		{"1.6 Mbit/s, 562 ms", 200_000, 562 * time.Millisecond},
	} {
		var took []time.Duration
		for range 5 {
			took = append(took, paints(t, b, g, "/shows/"+show, net.bytes, net.latency))
		}
		slices.Sort(took)
		row("first paint after the first byte, "+net.name+", processor 4 × slower", fmt.Sprintf("%d ms (%d to %d)", took[2].Milliseconds(), took[0].Milliseconds(), took[4].Milliseconds()), "< 1,000 ms")
	}

	p := b.visitor(t, g)
	c := p.counted()
	p.opens("/shows/"+show).clicks("#joins button").sees("#eta", "minutes")
	time.Sleep(3 * time.Second) // what loads behind it
	row("the page until one waits, over the wire", fmt.Sprintf("%.0f bytes", c.take()), "≤ 40,000")
	before, began := p.busy(), time.Now()
	time.Sleep(*weigh)
	took, busy := time.Since(began), p.busy()-before
	row("an hour of waiting far back, over the wire", fmt.Sprintf("%.0f bytes", c.take()*time.Hour.Seconds()/took.Seconds()), "≤ 300,000")
	row("processor while waiting far back", fmt.Sprintf("%.2f %% of a core", 100*busy.Seconds()/took.Seconds()), "≤ 1 %")
	row("watched for", took.Round(time.Second), fmt.Sprintf("× %.0f", time.Hour.Seconds()/took.Seconds()))

	near := g.show(concert, crawling)
	for range 40 {
		g.joins(near)
	}
	p.opens("/shows/" + near)
	c.take()
	before, began = p.busy(), time.Now()
	p.clicks("#joins button")
	testenv.Wait(t, 2*time.Minute, func() bool { return eval[string](p, "document.documentElement.dataset.state") == "admitted" }, "it is not their turn")
	took, busy = time.Since(began), p.busy()-before
	row(fmt.Sprintf("the last %.0f s, until it is one's turn, over the wire", took.Seconds()), fmt.Sprintf("%.0f bytes", c.take()), "")
	row("processor meanwhile", fmt.Sprintf("%.2f %% of a core", 100*busy.Seconds()/took.Seconds()), "")
}
