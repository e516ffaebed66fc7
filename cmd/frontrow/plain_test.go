package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// tillWithoutScript is the whole journey with scripts switched off, from the queue to the
// ticket.
func tillWithoutScript(t *testing.T, b chromium, g *testGateway) {
	show := g.show(twoBlocks)
	p := b.scriptless(t, g, show)

	// The best there are, and then others, one of which somebody else has taken meanwhile.
	p.picks("#plain select[name=section]", "B")
	p.clicks("#plain button[value=best]").sees("#lines", "Block B, row").sees(".sum", "₩176,000").sees("#left", "4:")
	p.clicks(".after a").clicks("#plain li a").sees("#plain .rows", "10").legible("a section as a form")
	g.enters(show).hold("A-1-3").want(http.StatusCreated)
	p.clicks("[value=A-1-3]").clicks("[value=A-1-4]").clicks("button[value=these]").sees("#trouble", "Somebody else was faster: A-1-3")
	p.becomes("document.querySelector('[value=A-1-3]').disabled", "what is taken can be chosen").legible("what is refused")
	p.clicks("button[value=these]").sees("#lines", "Block A, row 1, seat 4").legible("the plain till")

	p.clicks("#charge").sees("#pay", "Pay ₩165,000").clicks("#pay").sees("#receipt", "Paid").legible("the plain receipt")
	p.clicks("#tickets").sees(".ticket", "Block A").sees("h1", "Your tickets")
	p.opens("/shows/"+show+"/checkout?plain").sees("#nothing", "You hold no seats").legible("nothing held")
	p.clicks("#nothing li a").clicks("#cancelling summary").clicks("#cancel").sees("#receipt", "Cancelled")

	// A card that is declined, and one that takes its time; and what is held given back.
	p = b.scriptless(t, g, show).clicks("#plain button[value=best]").picks("#card", "card_declined")
	p.clicks("#pay-card").sees("#trouble", "declined").sees("#lines", "Block")
	p.clicks("#release").sees("#plain", "Find the best for me")
	p.clicks("#plain button[value=best]").picks("#card", "card_late").clicks("#pay-card").sees("#receipt", "under way").legible("a payment under way")
	p.clicks("#again").sees("#receipt", "")
	url := eval[string](p, "location.href")
	testenv.Wait(t, 20*time.Second, func() bool {
		return strings.Contains(eval[string](p.opens(url), "document.querySelector('#receipt').innerText"), "Paid")
	}, "it is not paid")
	g.verifies(show)
}

// scriptless is a visitor without script whose turn it is, before the plain form.
func (b chromium) scriptless(t *testing.T, g *testGateway, show string) *tab {
	t.Helper()
	p := b.visitor(t, g).scriptless(true).opens("/shows/" + show)
	p.clicks("#joins button").lacks("#joins")
	testenv.Wait(t, 20*time.Second, func() bool {
		p.opens("/shows/" + show)
		return eval[string](p, "document.documentElement.dataset.state") == "admitted"
	}, "nobody is let in")
	return p.clicks("#go").sees("#plain", "Find the best for me").lacks("#hall")
}

// legible is accessible, for a page that was loaded without script.
func (p *tab) legible(what string) {
	p.t.Helper()
	p.scriptless(false).accessible(what)
	p.scriptless(true)
}

// reader reads pages and sends their forms, as a browser without script does.
type reader struct {
	g       *testGateway
	cookies map[string]*http.Cookie
	form    string
}

// asks sends a request for a page with what the reader has, and keeps what comes.
func (r *reader) asks(method, path string, fields url.Values) reply {
	r.g.t.Helper()
	c := call{method: method, path: path, raw: fields.Encode(), bad: true, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}
	for _, cookie := range r.cookies {
		c.cookies = append(c.cookies, cookie)
	}
	answer := r.g.do(c)
	for _, cookie := range answer.set {
		r.cookies[cookie.Name] = cookie
	}
	if form := formField.FindSubmatch(answer.body); form != nil {
		r.form = string(form[1])
	}
	return answer
}

func (r *reader) sends(path string, pairs ...string) reply {
	r.g.t.Helper()
	fields := url.Values{"form": {r.form}}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Add(pairs[i], pairs[i+1])
	}
	return r.asks("POST", path, fields)
}

// reads is a reader who is inside.
func (g *testGateway) reads(show string) *reader {
	g.t.Helper()
	r := &reader{g: g, cookies: map[string]*http.Cookie{}}
	r.asks("GET", "/shows/"+show, nil).want(http.StatusOK)
	r.sends("/shows/"+show+"/queue", "do", "join").want(http.StatusSeeOther)
	testenv.Wait(g.t, 20*time.Second, func() bool {
		return strings.Contains(string(r.asks("GET", "/shows/"+show, nil).body), `data-state="admitted"`)
	}, "they are not let in")
	return r
}

// held is the hold that the plain till shows.
func (r *reader) held(till string) string {
	r.g.t.Helper()
	body := r.asks("GET", till+"?plain", nil).want(http.StatusOK).body
	found := heldField.FindSubmatch(body)
	if found == nil {
		r.g.t.Fatalf("nothing is held: %s", body)
	}
	return string(found[1])
}

var heldField = regexp.MustCompile(`name="hold" value="([^"]+)"`)

// What the plain forms are sent that cannot be is refused in plain words, and nothing is
// held or paid by it.
func TestPlainFormsRefuse(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show, other := g.show(), g.show()
		r, stranger := g.reads(show), g.reads(show)
		seats, till := "/shows/"+show+"/seats", "/shows/"+show+"/checkout"
		waits := &reader{g: g, cookies: map[string]*http.Cookie{}}
		waits.asks("GET", seats, nil).want(http.StatusOK)

		stranger.sends(seats, "do", "these", "seat", "B-1-1").want(http.StatusSeeOther)
		theirs := stranger.held(till)
		elsewhere := g.reads(other)
		elsewhere.sends("/shows/"+other+"/seats", "do", "best", "count", "1").want(http.StatusSeeOther)

		for name, c := range map[string]struct {
			by     *reader
			path   string
			fields []string
			status int
			says   string
		}{
			"not inside":              {waits, seats, []string{"do", "best", "count", "1"}, 401, "whose turn it is"},
			"none":                    {r, seats, []string{"do", "best", "count", "0"}, 422, "cannot be as it is"},
			"no number":               {r, seats, []string{"do", "best", "count", "many"}, 422, "cannot be as it is"},
			"more than one may have":  {r, seats, []string{"do", "best", "count", "4"}, 422, "more seats than one person may have"},
			"no such section":         {r, seats, []string{"do", "best", "count", "1", "section", "Z"}, 422, "cannot be as it is"},
			"no seats":                {r, seats, []string{"do", "these"}, 422, "cannot be as it is"},
			"no such seat":            {r, seats, []string{"do", "these", "seat", "Z-9-9"}, 422, "no such seat"},
			"somebody else's seat":    {r, seats, []string{"do", "these", "seat", "B-1-1"}, 409, "Somebody else was faster: B-1-1"},
			"nothing to do":           {r, till, []string{}, 422, "cannot be as it is"},
			"pay for nothing":         {r, till, []string{"do", "pay", "key", "k", "method", "wallet"}, 422, "cannot be as it is"},
			"pay without a key":       {r, till, []string{"do", "pay", "hold", theirs, "method", "wallet"}, 422, "cannot be as it is"},
			"pay somebody else's":     {r, till, []string{"do", "pay", "hold", theirs, "key", "k", "method", "wallet"}, 403, "somebody else"},
			"release somebody else's": {r, till, []string{"do", "release", "hold", theirs}, 403, "somebody else"},
			"pay in gold":             {r, till, []string{"do", "pay", "hold", theirs, "key", "k", "method", "gold"}, 422, "cannot be as it is"},
			"with too few points":     {stranger, till, []string{"do", "pay", "hold", theirs, "key", "k", "method", "wallet"}, 422, "not enough points"},
			"cancel what is not":      {r, till, []string{"do", "cancel", "order", "nothing"}, 404, "no such order"},
		} {
			t.Run(name, func(t *testing.T) {
				answer := c.by.sends(c.path, c.fields...).want(c.status)
				if !strings.Contains(string(answer.body), c.says) {
					t.Errorf("it says %s", answer.body)
				}
			})
		}
		for _, path := range []string{seats, till} {
			foreign := reader{g, r.cookies, stranger.form}
			foreign.sends(path, "do", "best", "count", "1").want(http.StatusForbidden)
			(&reader{g, map[string]*http.Cookie{}, r.form}).sends(path, "do", "best", "count", "1").want(http.StatusForbidden)
			r.sends(path, "do", strings.Repeat("x", 5000)).want(http.StatusForbidden)
		}
		r.asks("GET", till+"?plain&order="+theirs, nil).want(http.StatusNotFound)
		if body := string(r.asks("GET", till+"?plain", nil).want(http.StatusOK).body); !strings.Contains(body, "You hold no seats") {
			t.Errorf("something is held: %s", body)
		}

		// As many as one may have, and paid twice with one key: one order.
		r.sends(seats, "do", "best", "count", "3").want(http.StatusSeeOther)
		mine := r.held(till)
		for range 2 {
			r.sends(till, "do", "charge").want(http.StatusSeeOther)
		}
		first := r.sends(till, "do", "pay", "hold", mine, "key", "k", "method", "wallet").want(http.StatusSeeOther).header.Get("Location")
		second := r.sends(till, "do", "pay", "hold", mine, "key", "k", "method", "wallet").want(http.StatusSeeOther).header.Get("Location")
		again := r.sends(till, "do", "pay", "hold", mine, "key", "l", "method", "wallet").want(http.StatusSeeOther).header.Get("Location")
		if first != second || !strings.Contains(first, "order=") || strings.Contains(again, "order=") {
			t.Errorf("paid, they are led to %s, %s and %s", first, second, again)
		}
		if body := string(stranger.asks("GET", first, nil).want(http.StatusForbidden).body); strings.Contains(body, "Paid") {
			t.Errorf("a stranger is shown %s", body)
		}
		g.verifies(show)
	})
}

// Layout and states come compressed to who takes that, and say the same.
func TestSeatsComeCompressed(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show()
	for _, path := range []string{"/seats/layout?v=1", "/seats/state"} {
		plain := g.do(call{method: "GET", path: "/v1/shows/" + show + path}).want(http.StatusOK)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL()+"/v1/shows/"+show+path, http.NoBody)
		must(t, err)
		request.Header.Set("Accept-Encoding", "gzip") // by name, so that the client leaves it as it is
		answer, err := client.Do(request)
		must(t, err)
		defer answer.Body.Close()
		unzipped, err := gzip.NewReader(answer.Body)
		must(t, err)
		body, err := io.ReadAll(unzipped)
		must(t, err)
		if answer.Header.Get("Content-Encoding") != "gzip" || !bytes.Equal(body, plain.body) || answer.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v, %d bytes for %d", path, answer.Header, len(body), len(plain.body))
		}
		if again := g.do(call{method: "GET", path: "/v1/shows/" + show + path, header: map[string]string{"If-None-Match": answer.Header.Get("ETag")}}); again.status != http.StatusNotModified {
			t.Errorf("%s again: %d", path, again.status)
		}
	}
}
