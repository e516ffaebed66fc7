package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// from opens a tab with no cookies yet, for which hosts are where `at` says.
func (b chromium) from(t *testing.T, at map[string]string) *tab {
	t.Helper()
	names := serveHTTP(t, (&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Host = at[r.In.Host]
		if r.Out.URL.Host == "" {
			r.Out.URL.Host = "127.0.0.1:1"
		}
	}}).ServeHTTP)
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(func(p *target.CreateBrowserContextParams) { p.ProxyServer = names }))
	t.Cleanup(end)
	p := (&tab{t, ctx, ""}).opens("about:blank")
	t.Cleanup(p.says)
	return p
}

// A customer wants a page of the shop, is sent to the waiting room and from there to sign in at the shop, comes back, and ends
// where they wanted to go; from another device as well, in the same place.
func TestCustomersThroughTheGateInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browser(t)
	configure, signs := customersOf(t)
	shop := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch back, err := url.Parse(r.FormValue("return")); {
		case r.URL.Path != "/login":
			fmt.Fprintf(w, "<h1>Row %s</h1><p>%s</p>", html.EscapeString(r.FormValue("row")), r.Header.Get("X-Frontrow-Visitor"))
		case r.FormValue("name") == "" || err != nil:
			fmt.Fprintf(w, `<form action="/login"><input type="hidden" name="return" value="%s"><input name="name"><button>Sign in</button></form>`, html.EscapeString(r.FormValue("return")))
		default:
			query := back.Query()
			query.Set("customer", signs(r.FormValue("name")))
			back.RawQuery = query.Encode()
			http.Redirect(w, r, back.String(), http.StatusSeeOther)
		}
	})
	const show = "customers"
	g := backend{}.serve(t, configure, func(c *gatewayConfig) { c.SignInURL = shopURL + "/login" },
		withRoutes(t, map[string]any{"host": "shop.test", "show": show, "upstream": shop, "bypass": []any{"/login"}}))
	g.show(rules(map[string]any{"identity": "required"}), func(spec map[string]any) { spec["show"] = show })
	at := map[string]string{"shop.test": g.proxy.listener.Addr().String(), "queue.test": g.listener.Addr().String()}
	admission := func(change map[string]any) {
		g.admin("PATCH", "/v1/admin/shows/"+show+"/admission", change).want(http.StatusOK)
	}
	signsIn := func(p *tab, name string) {
		t.Helper()
		p.sees("#joins", "").clicks("#joins a.button").sees("form[action='/login']", "")
		eval[string](p, "document.querySelector('[name=name]').value = "+quoted(name))
		p.clicks("button")
	}

	// Nobody waits, but who is nobody is not let in.
	first := chromium.from(t, at).opens(shopURL + "/tickets?row=7")
	first.sees("#joins", "Sign in at the shop")
	first.accessible("the way to sign in")
	admission(map[string]any{"paused": true})
	signsIn(first, "anna")
	first.becomes("location.host === 'queue.test' && !location.search.includes('customer')", "what the shop signed stays in the address")
	first.clicks("#joins button").sees("#position", "1")

	device := chromium.from(t, at).opens(shopURL + "/tickets?row=8")
	signsIn(device, "anna")
	device.clicks("#joins button").sees("#position", "1")
	other := chromium.from(t, at).opens(shopURL + "/tickets?row=9")
	signsIn(other, "bert")
	other.clicks("#joins button").sees("#position", "2")

	admission(map[string]any{"paused": false})
	for p, row := range map[*tab]string{first: "7", device: "8", other: "9"} {
		p.sees("#admitted", "").clicks("#go").sees("h1", "Row "+row)
		p.becomes("location.host === 'shop.test'", "the shop is elsewhere")
	}
	who := func(p *tab) string { return eval[string](p, "document.querySelector('p').innerText") }
	if a, b, c := who(first), who(device), who(other); a == "" || a != b || a == c {
		t.Errorf("the shop is told of %q, %q on the other device, and %q", a, b, c)
	}
	g.verifies(show)
}
