package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"frontrow/internal/receiver"
	"frontrow/internal/testenv"
)

// tells has a gateway tell a receiver of everything.
func tells(at string) func(*gatewayConfig) {
	return func(c *gatewayConfig) {
		c.NotifyURL, c.NotifySecret, c.NotifyLocale, c.ExportURL = at+"/notify", testSecret, "en", at+"/export"
	}
}

func playsReceiver(t *testing.T) (*receiver.Receiver, string) {
	t.Helper()
	r := receiver.New(testSecret, 1000)
	server := httptest.NewServer(r.Handler())
	t.Cleanup(server.Close)
	return r, server.URL
}

// buys enters, and buys a seat; it returns the order.
func (g *testGateway) buys(show, seat string) reply {
	g.t.Helper()
	v := g.enters(show)
	v.charge(200_000).want(http.StatusCreated)
	return v.pay(v.hold(seat).want(http.StatusCreated).text("hold"), "key").want(http.StatusCreated)
}

// A sale is told to the buyer and the data platform, and counted.
func TestASaleIsTold(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		r, at := playsReceiver(t)
		g := b.serve(t, tells(at))
		show := g.show()
		order := g.buys(show, "A-1-1").text("order")
		testenv.Wait(t, 10*time.Second, func() bool { return len(r.Received("")) == 2 }, "not told")
		var said struct{ Text, To string }
		must(t, json.Unmarshal(r.Received("notify")[0].Body, &said))
		if !strings.Contains(said.Text, "[Booked] A Test") || !strings.Contains(said.Text, "50,000 KRW") || !strings.Contains(said.Text, order) {
			t.Errorf("the buyer was told %q", said.Text)
		}
		path := "/v1/admin/shows/" + show + "/sales"
		testenv.Wait(t, 10*time.Second, func() bool {
			totals := g.admin("GET", path, nil).want(http.StatusOK).json()["totals"].(map[string]any)
			return totals["orders"] == 1.0 && totals["seats"] == 1.0 && totals["revenue"] == 50_000.0
		}, "not counted")
		testenv.Wait(t, 10*time.Second, func() bool {
			metrics := string(g.do(call{method: "GET", path: "/metrics"}).want(http.StatusOK).body)
			for _, want := range []string{
				`frontrow_delivery_tries_total{listener="notify",outcome="done"} 1`, `frontrow_deliveries_open{listener="export"} 0`,
				`frontrow_deliveries_dead{listener="sales-figures"} 0`, `frontrow_delivery_duration_seconds_count{listener="export"} 1`,
				`frontrow_deliveries_lag_seconds{listener="end-admission"} 0`,
			} {
				if !strings.Contains(metrics, want) {
					return false
				}
			}
			return true
		}, "the metrics do not say so")
		const listeners = 5 // a paid order is of no concern to free-slot
		testenv.Wait(t, 10*time.Second, func() bool {
			tries, err := g.store.Tries(t.Context(), order)
			must(t, err)
			return len(tries) == listeners
		}, "not each has its try")
		g.verifies(show)
	})
}

// What a listener gave up on is listed, and works when it is sent again.
func TestDeadLettersAtTheDesk(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		r, at := playsReceiver(t)
		g := b.serve(t, tells(at))
		show := g.show()
		r.Behave(receiver.Behaviour{Fail: 1, Status: http.StatusUnprocessableEntity})
		list := func(query string) []any {
			t.Helper()
			return g.admin("GET", "/v1/admin/dead-letters"+query, nil).want(http.StatusOK).json()["dead_letters"].([]any)
		}
		if got := list(""); len(got) != 0 {
			t.Errorf("letters %v", got)
		}
		for i := range 3 {
			g.buys(show, fmt.Sprint("A-1-", i+1))
		}
		testenv.Wait(t, 10*time.Second, func() bool { return len(list("?show="+show)) == 6 }, "not given up")
		if got := list("?listener=export&show=" + show); len(got) != 3 {
			t.Errorf("%d letters of export", len(got))
		}
		page := g.admin("GET", "/v1/admin/dead-letters?limit=4", nil)
		rest := list("?limit=4&after=" + url.QueryEscape(page.text("next")))
		if len(rest) != 2 {
			t.Errorf("%d letters on the second page", len(rest))
		}
		first := list("?listener=notify&limit=1")[0].(map[string]any)
		if first["tries"] != 1.0 || first["type"] != "order.paid" || !strings.Contains(first["error"].(string), "422") {
			t.Errorf("letter %v", first)
		}

		r.Behave(receiver.Behaviour{})
		again := fmt.Sprintf("/v1/admin/dead-letters/%s/notify/redrive", first["event"])
		g.admin("POST", again, nil).want(http.StatusNoContent)
		testenv.Wait(t, 10*time.Second, func() bool { return len(r.Received("notify")) == 1 }, "not sent again")
		g.admin("POST", again, nil).problem(404, "not_found")
		if n := g.admin("POST", "/v1/admin/dead-letters/redrive", map[string]any{"listener": "notify"}).want(http.StatusOK).number("redriven"); n != 2 {
			t.Errorf("%d redriven", n)
		}
		g.admin("POST", "/v1/admin/dead-letters/redrive", map[string]any{"listener": "export"}).want(http.StatusOK)
		testenv.Wait(t, 10*time.Second, func() bool { return len(r.Received("")) == 6 && len(list("")) == 0 }, "not all sent again")
		for _, item := range r.Received("") {
			if item.Times != 1 {
				t.Errorf("%s was told %d times of %s", item.Via, item.Times, item.ID)
			}
		}
		g.verifies(show)
	})
}

func TestBadQuestionsAboutWhatFollowsASale(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		sales := "/v1/admin/shows/" + show + "/sales"
		id := "01JDAZ2Q8Z5X9V1W7K3M4N6P8R"
		for name, test := range map[string]struct {
			call   call
			status int
			code   string
		}{
			"letters, limit 0":         {call{method: "GET", path: "/v1/admin/dead-letters?limit=0", bad: true}, 422, "invalid"},
			"letters, limit 501":       {call{method: "GET", path: "/v1/admin/dead-letters?limit=501", bad: true}, 422, "invalid"},
			"letters, no limit":        {call{method: "GET", path: "/v1/admin/dead-letters?limit=x", bad: true}, 422, "invalid"},
			"letters, strange cursor":  {call{method: "GET", path: "/v1/admin/dead-letters?after=x"}, 422, "invalid"},
			"letters, strange show":    {call{method: "GET", path: "/v1/admin/dead-letters?show=A", bad: true}, 422, "invalid"},
			"letters, long listener":   {call{method: "GET", path: "/v1/admin/dead-letters?listener=" + strings.Repeat("a", 41), bad: true}, 422, "invalid"},
			"redrive, unknown event":   {call{method: "POST", path: "/v1/admin/dead-letters/" + id + "/notify/redrive"}, 404, "not_found"},
			"redrive, no event's id":   {call{method: "POST", path: "/v1/admin/dead-letters/x/notify/redrive"}, 404, "not_found"},
			"redrive, strange name":    {call{method: "POST", path: "/v1/admin/dead-letters/" + id + "/No%20One/redrive", bad: true}, 404, "not_found"},
			"redrive all, nobody":      {call{method: "POST", path: "/v1/admin/dead-letters/redrive", raw: `{}`, bad: true}, 422, "invalid"},
			"redrive all, strange":     {call{method: "POST", path: "/v1/admin/dead-letters/redrive", raw: `{"listener":"No One"}`, bad: true}, 422, "invalid"},
			"redrive all, more":        {call{method: "POST", path: "/v1/admin/dead-letters/redrive", raw: `{"listener":"a","b":1}`, bad: true}, 422, "invalid"},
			"redrive all, no JSON":     {call{method: "POST", path: "/v1/admin/dead-letters/redrive", raw: `listener`, bad: true}, 400, "malformed"},
			"redrive all, large":       {call{method: "POST", path: "/v1/admin/dead-letters/redrive", raw: `{"listener":"` + strings.Repeat("a", 64<<10) + `"}`, bad: true}, 413, "too_large"},
			"sales, unknown show":      {call{method: "GET", path: "/v1/admin/shows/nowhere/sales"}, 404, "show_not_found"},
			"sales, no time":           {call{method: "GET", path: sales + "?from=yesterday", bad: true}, 422, "invalid"},
			"sales, too long":          {call{method: "GET", path: sales + "?from=2026-11-23T00:00:00Z&to=2026-11-24T01:00:00.000001Z"}, 422, "invalid"},
			"sales, backwards":         {call{method: "GET", path: sales + "?from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z"}, 422, "invalid"},
			"sales, before all time":   {call{method: "GET", path: sales + "?from=1969-11-23T00:00:00Z&to=1969-11-23T01:00:00Z"}, 422, "invalid"},
			"sales, after all time":    {call{method: "GET", path: sales + "?from=2300-11-23T00:00:00Z&to=2300-11-23T01:00:00Z"}, 422, "invalid"},
			"sales, beyond all clocks": {call{method: "GET", path: sales + "?to=9999-11-23T01:00:00Z"}, 422, "invalid"},
		} {
			test.call.bearer = testAdmin
			if r := g.do(test.call); r.status != test.status || r.text("code") != test.code {
				t.Errorf("%s: %d %s, want %d %s", name, r.status, r.body, test.status, test.code)
			}
			test.call.bearer = ""
			if r := g.do(test.call); r.status != http.StatusUnauthorized {
				t.Errorf("%s: %d for everybody", name, r.status)
			}
		}
		g.admin("GET", "/v1/admin/dead-letters?limit=1", nil).want(http.StatusOK)
		g.admin("GET", "/v1/admin/dead-letters?limit=500", nil).want(http.StatusOK)
		g.admin("GET", sales+"?from=2026-11-23T00:00:00Z&to=2026-11-24T01:00:00Z", nil).want(http.StatusOK)
		g.admin("POST", "/v1/admin/dead-letters/redrive", map[string]any{"listener": "nobody"}).want(http.StatusOK)
	})
}

func TestOutwardConfigurationErrorsAtOnce(t *testing.T) {
	t.Parallel()
	_, _, errOut := runs(t, "serve", "--data-dir", t.TempDir(), "--listen", "nowhere", "--notify-url", "ftp://a", "--notify-secret", "fifteen-letters",
		"--notify-locale", "fr", "--export-url", "//x", "--bus-url", "amqp://u:hunter2@h")
	for _, want := range []string{
		"FRONTROW_NOTIFY_URL must be", "FRONTROW_NOTIFY_SECRET must have 16", "FRONTROW_NOTIFY_LOCALE must be one of ko, en, ja",
		"FRONTROW_EXPORT_URL must be", "FRONTROW_BUS_URL must start with", "FRONTROW_LISTEN",
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("not said: %s", want)
		}
	}
	if strings.Contains(errOut, "hunter2") {
		t.Error("the password of the bus is repeated")
	}
	good := outwardConfig{NotifyURL: "https://h/x", NotifySecret: "sixteen-letters!", NotifyLocale: "ja", ExportURL: "http://h", BusURL: "kafka://a:1"}
	must(t, good.check())
	if l, err := good.listeners("frontrow", nil); err != nil || len(l) != 3 {
		t.Errorf("%d listeners, %v", len(l), err)
	}
	if l, err := (outwardConfig{NotifyLocale: "ko"}).listeners("frontrow", nil); err != nil || len(l) != 0 {
		t.Errorf("%d listeners of none, %v", len(l), err)
	}
}

func TestFakeReceiverRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	good := fakereceiverCommand{Keep: 1, Fail: 1, Status: 400}
	must(t, good.check())
	for name, change := range map[string]func(*fakereceiverCommand){
		"keep 0": func(f *fakereceiverCommand) { f.Keep = 0 }, "keep more": func(f *fakereceiverCommand) { f.Keep = 1_000_001 },
		"fail below": func(f *fakereceiverCommand) { f.Fail = -0.1 }, "fail above": func(f *fakereceiverCommand) { f.Fail = 1.1 },
		"status 399": func(f *fakereceiverCommand) { f.Status = 399 }, "status 600": func(f *fakereceiverCommand) { f.Status = 600 },
		"slow": func(f *fakereceiverCommand) { f.Slow = -1 }, "late": func(f *fakereceiverCommand) { f.Late = -1 },
	} {
		f := good
		change(&f)
		if f.check() == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// received asks a receiver in a process of its own, by way and id, how often it was told.
func received(t *testing.T, at string) map[string]int {
	t.Helper()
	answer, err := client.Get(at + "/received")
	if err != nil {
		return nil // not there yet
	}
	defer answer.Body.Close()
	var list struct{ Received []receiver.Item }
	must(t, json.NewDecoder(answer.Body).Decode(&list))
	times := map[string]int{}
	for _, item := range list.Received {
		times[item.Via+" "+item.ID] = item.Times
	}
	return times
}

func behaves(t *testing.T, at, how string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, at+"/behaviour", strings.NewReader(how))
	must(t, err)
	answer, err := client.Do(request)
	must(t, err)
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("behaviour: %s", answer.Status)
	}
}

// Services that are away when the sale begins, and a gateway that dies in the middle of
// telling one: nothing is lost, what was answered is told once, and what was not is told
// again by another gateway under the same id.
func TestNothingIsLostBetweenProcesses(t *testing.T) {
	t.Parallel()
	b := realBackend(t)
	binary := testenv.Binary(t)
	services := &process{t: t, binary: binary, listen: testenv.FreeAddress(t)}
	at := services.url()
	var gateways []*process
	for range 2 {
		gateways = append(gateways, b.start(t, binary,
			"FRONTROW_NOTIFY_URL="+at+"/notify", "FRONTROW_NOTIFY_SECRET="+testSecret, "FRONTROW_EXPORT_URL="+at+"/export"))
	}
	show := gateways[0].show(testShow("told", map[string]any{"admit": 50, "interval_ms": 100, "max_active": 100}, 20), gateways[1])
	buy := func(p *process, seat int) {
		t.Helper()
		pass := entersAt(t, p, show)
		c := call{method: "POST", bearer: pass, key: "charge"}
		c.path, c.body = "/v1/wallet/charges", map[string]any{"amount": 10_000}
		send(t, p.url(), c).want(http.StatusCreated)
		c.path, c.body, c.key = "/v1/shows/"+show+"/holds", map[string]any{"seats": []string{fmt.Sprint("A-1-", seat)}}, ""
		hold := send(t, p.url(), c).want(http.StatusCreated).text("hold")
		c.path, c.body, c.key = "/v1/orders", payment(hold), "order"
		send(t, p.url(), c).want(http.StatusCreated)
	}
	for seat := 1; seat <= 4; seat++ {
		buy(gateways[seat%2], seat)
	}
	t.Cleanup(services.kill)
	services.starts("/received", []string{"fakereceiver", "--listen", services.listen, "--secret", testSecret}, nil)
	testenv.Wait(t, 60*time.Second, func() bool { return len(received(t, at)) == 8 }, "not told once the services are there")

	behaves(t, at, `{"late_ms":60000}`)
	buy(gateways[0], 5)
	testenv.Wait(t, 20*time.Second, func() bool { return len(received(t, at)) == 10 }, "not told")
	for _, p := range gateways { // whichever is at it
		p.kill()
	}
	behaves(t, at, `{}`)
	gateways[1].start()
	testenv.Wait(t, 90*time.Second, func() bool {
		open := 0
		for _, line := range strings.Split(string(gateways[1].admin("GET", "/metrics", nil).body), "\n") {
			if strings.HasPrefix(line, "frontrow_deliveries_open{") && !strings.HasSuffix(line, " 0") {
				open++
			}
		}
		return open == 0
	}, "something is not delivered")
	once, again := 0, 0
	for _, times := range received(t, at) {
		switch times {
		case 1:
			once++
		case 2:
			again++
		}
	}
	if once != 8 || again != 2 {
		t.Errorf("%d were told once, %d again; want 8 and, unanswered, 2: %v", once, again, received(t, at))
	}
	verdict := gateways[1].admin("GET", "/v1/admin/verify?show="+show, nil).want(http.StatusOK)
	if found := verdict.json()["violations"].([]any); len(found) != 0 {
		t.Errorf("broken: %v", found)
	}
}
