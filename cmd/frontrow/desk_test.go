package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"frontrow/queue"
)

// door is the form to sign in, as a browser has it.
type door struct {
	g       *testGateway
	cookies []*http.Cookie
	form    string
}

func (g *testGateway) door() door {
	g.t.Helper()
	page := g.do(call{method: "GET", path: "/desk"}).want(http.StatusOK)
	form := formField.FindSubmatch(page.body)
	if form == nil {
		g.t.Fatalf("no form in %s", page.body)
	}
	return door{g, page.set, string(form[1])}
}

// posts sends a form of the desk; redirects are not followed.
func (d door) posts(path string, fields url.Values, cookies ...*http.Cookie) reply {
	d.g.t.Helper()
	request, err := http.NewRequestWithContext(d.g.t.Context(), http.MethodPost, d.g.URL()+path, strings.NewReader(fields.Encode()))
	must(d.g.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, cookie := range append(cookies, d.cookies...) {
		request.AddCookie(cookie)
	}
	answer, err := (&http.Client{Transport: client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
	must(d.g.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(d.g.t, err)
	return reply{d.g.t, "POST " + path, answer.StatusCode, answer.Header, body, answer.Cookies()}
}

func (d door) signsIn(operator, token string) reply {
	d.g.t.Helper()
	return d.posts("/desk/sign-in", url.Values{"form": {d.form}, "operator": {operator}, "token": {token}, "next": {"/desk/shows/demo"}})
}

// session signs in, and gives the cookie.
func (g *testGateway) session(operator string) *http.Cookie {
	g.t.Helper()
	answer := g.door().signsIn(operator, testAdmin)
	for _, cookie := range answer.set {
		if cookie.Name == "fr_desk" && answer.status == http.StatusSeeOther {
			return cookie
		}
	}
	g.t.Fatalf("sign-in answers %d", answer.status)
	return nil
}

func TestSigningInAtTheDesk(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show()
	cookie := g.session("jiyeon")
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Secure || cookie.MaxAge != 12*60*60 || cookie.Path != "/" {
		t.Errorf("the cookie is %s", cookie)
	}
	desk := g.do(call{method: "GET", path: "/desk", cookies: []*http.Cookie{cookie}}).want(http.StatusOK)
	if !strings.Contains(string(desk.body), show) || !strings.Contains(string(desk.body), "jiyeon") {
		t.Errorf("the desk is %s", desk.body)
	}
	g.do(call{method: "GET", path: "/desk/shows/no-such-show", cookies: []*http.Cookie{cookie}}).want(http.StatusNotFound)

	path := "/v1/admin/shows/" + show
	as := func(c call) reply { c.cookies = append(c.cookies, cookie); return g.do(c) }
	as(call{method: "GET", path: path}).want(http.StatusOK)
	as(call{method: "POST", path: path + "/pause"}).problem(http.StatusUnauthorized, "token_required")
	as(call{method: "POST", path: path + "/pause", header: map[string]string{"X-Frontrow": "0"}}).problem(http.StatusUnauthorized, "token_required")
	as(call{method: "POST", path: path + "/pause", header: map[string]string{"X-Frontrow": "1"}}).want(http.StatusOK)
	as(call{method: "GET", path: path, bearer: "something else than the token"}).problem(http.StatusUnauthorized, "admin_required")
	entry := g.admin("GET", "/v1/admin/audit?limit=1&show="+show, nil).want(http.StatusOK).json()["entries"].([]any)[0].(map[string]any)
	if entry["operator"] != "jiyeon" || entry["action"] != "change_rules" {
		t.Errorf("the audit says %v", entry)
	}

	d := g.door()
	if out := d.posts("/desk/sign-out", url.Values{"form": {"x"}}, cookie); out.status != http.StatusForbidden {
		t.Errorf("a form of another page signs out: %d", out.status)
	}
	out := d.posts("/desk/sign-out", url.Values{"form": {d.form}}, cookie)
	if got := out.set; out.status != http.StatusSeeOther || len(got) != 1 || got[0].Name != "fr_desk" || got[0].MaxAge >= 0 {
		t.Errorf("signing out answers %d, %v", out.status, got)
	}
}

func TestWhatDoesNotSignIn(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	d := g.door()
	fields := func(pairs ...string) url.Values {
		v := url.Values{"form": {d.form}, "operator": {"minho"}, "token": {testAdmin}}
		for i := 0; i+1 < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for name, c := range map[string]struct {
		fields url.Values
		status int
	}{
		"a wrong token":          {fields("token", testAdmin+"."), http.StatusUnauthorized},
		"no token":               {fields("token", ""), http.StatusUnauthorized},
		"no name":                {fields("operator", ""), http.StatusUnprocessableEntity},
		"a name with a space":    {fields("operator", "min ho"), http.StatusUnprocessableEntity},
		"a name that is HTML":    {fields("operator", "<b>\n"), http.StatusUnprocessableEntity},
		"a name of 65":           {fields("operator", strings.Repeat("x", 65)), http.StatusUnprocessableEntity},
		"the form of nobody":     {fields("form", ""), http.StatusForbidden},
		"the form of somebody":   {fields("form", g.door().form), http.StatusForbidden},
		"more than any form has": {fields("token", strings.Repeat("x", 5000)), http.StatusForbidden},
	} {
		answer := d.posts("/desk/sign-in", c.fields)
		if answer.status != c.status {
			t.Errorf("%s: %d, want %d", name, answer.status, c.status)
		}
		for _, cookie := range answer.set {
			if cookie.Name == "fr_desk" {
				t.Errorf("%s signs in", name)
			}
		}
	}
}

// Who signed in is led to the desk that they wanted, and nowhere else.
func TestSigningInLeadsOn(t *testing.T) {
	t.Parallel()
	d := backend{}.serve(t).door()
	for next, want := range map[string]string{
		"/desk/shows/demo": "/desk/shows/demo", "/desk": "/desk", "": "/desk", "//evil.example/desk": "/desk", "https://evil.example": "/desk", "/desk/shows/../../x": "/desk",
	} {
		got := d.posts("/desk/sign-in", url.Values{"form": {d.form}, "operator": {strings.Repeat("x", 64)}, "token": {testAdmin}, "next": {next}})
		if got.status != http.StatusSeeOther || got.header.Get("Location") != want {
			t.Errorf("%q leads to %q with %d", next, got.header.Get("Location"), got.status)
		}
	}
}

func TestSigningInIsSlow(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	d := g.door()
	for i := range 10 {
		if answer := d.signsIn("minho", fmt.Sprint("guess ", i)); answer.status != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", i, answer.status)
		}
	}
	answer := d.signsIn("minho", testAdmin)
	if after := answer.header.Get("Retry-After"); answer.status != http.StatusTooManyRequests || after == "" || after == "0" {
		t.Errorf("the eleventh try: %d, Retry-After %q", answer.status, after)
	}
	g.admin("GET", "/v1/admin/shows", nil).want(http.StatusOK) // the token itself still does
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show()
	keys, err := queue.NewKeyring(testSecret)
	must(t, err)
	others, err := queue.NewKeyring(strings.Repeat("c2VjcmV1", 8))
	must(t, err)
	soon := time.Now().Add(time.Minute)
	for name, c := range map[string]struct {
		session string
		ok      bool
	}{
		"in its time":       {keys.Session("minho", testAdmin, soon), true},
		"past its time":     {keys.Session("minho", testAdmin, time.Now().Add(-time.Second)), false},
		"of another token":  {keys.Session("minho", "the-operator-of-before", soon), false},
		"of another secret": {others.Session("minho", testAdmin, soon), false},
		"forged":            {keys.Session("minho", testAdmin, soon) + "A", false},
		"empty":             {"", false},
	} {
		cookie := &http.Cookie{Name: "fr_desk", Value: c.session}
		r := g.do(call{method: "POST", path: "/v1/admin/shows/" + show + "/pause", cookies: []*http.Cookie{cookie}, header: map[string]string{"X-Frontrow": "1"}})
		page := g.do(call{method: "GET", path: "/desk/shows/" + show, cookies: []*http.Cookie{cookie}}).want(http.StatusOK)
		if !c.ok {
			r.problem(http.StatusUnauthorized, "admin_required")
		} else {
			r.want(http.StatusOK)
		}
		if got := strings.Contains(string(page.body), `id="pause"`); got != c.ok {
			t.Errorf("%s: the desk is there: %v", name, got)
		}
	}
}
