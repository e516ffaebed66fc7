package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"frontrow/internal/testenv"
)

// frame is what the first frame of a page shows.
func (p *tab) frame() *cdp.Frame {
	p.t.Helper()
	var found *cdp.Frame
	testenv.Wait(p.t, 20*time.Second, func() bool {
		tree, err := chromedp.Call(p.ctx, page.GetFrameTree, cdp.Empty{})
		if err != nil || len(tree.FrameTree.ChildFrames) == 0 {
			return false
		}
		found = tree.FrameTree.ChildFrames[0].Frame
		return true
	}, "there is no frame")
	return found
}

// framed waits until the first frame of a page, which is of another origin, shows these texts.
func (p *tab) framed(texts ...string) {
	p.t.Helper()
	testenv.Wait(p.t, 20*time.Second, func() bool {
		world, err := chromedp.Call(p.ctx, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: p.frame().ID})
		if err != nil {
			return false
		}
		answer, err := chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.body.innerText", ContextID: world.ExecutionContextID})
		if err != nil {
			return false
		}
		for _, text := range texts {
			if !strings.Contains(string(answer.Result.Value), text) {
				return false
			}
		}
		return true
	}, "the frame does not show %q", texts)
}

// A shop's page on another origin shows the widget where it may, and the visitor's own place in it.
func TestTheWidgetInAShop(t *testing.T) {
	t.Parallel()
	var to string
	shop := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>Shop</title><iframe id=f src="%s" width=360 height=320></iframe>`, to+r.URL.Path)
	})
	b := browser(t)
	allowed := backend{}.serve(t, func(c *gatewayConfig) { c.EmbedOrigins = []string{"https://elsewhere.example", shop} })
	show := allowed.show(shut)
	allowed.joins(show)

	to = allowed.URL()
	p := b.visitor(t, allowed)
	p.opens(to+"/shows/"+show+"/widget").sees("#words", "1 person waits in line").accessible("the widget of a stranger")
	if cookies := eval[string](p, "document.cookie"); cookies != "" {
		t.Errorf("a stranger has cookies %s", cookies)
	}
	p.opens("/shows/"+show).clicks("#joins button").sees("#position", "2")
	p.opens(shop+"/shows/"+show+"/widget").framed("Your position", "2")
	allowed.letsIn(show)
	p.framed("It is your turn", "Choose seats")

	// Where nobody may, the browser shows nothing of it.
	to = backend{}.serve(t).URL()
	p.opens(shop + "/")
	testenv.Wait(t, 20*time.Second, func() bool { return strings.HasPrefix(p.frame().URL, "chrome-error:") }, "the frame shows %s", p.frame().URL)
	if policy := allowed.do(call{method: "GET", path: "/shows/" + show + "/widget"}).header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "frame-ancestors https://elsewhere.example "+shop) {
		t.Errorf("policy %s", policy)
	}
	if policy := allowed.do(call{method: "GET", path: "/shows/" + show}).header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "frame-ancestors 'none'") {
		t.Errorf("policy of the waiting room %s", policy)
	}
}
