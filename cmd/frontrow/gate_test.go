package main

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
	"frontrow/queue"
)

func TestNobodyWaitsBeforeAnIdleShop(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := b.shop(t, nil)
		v := s.agent()
		a := v.get(shopURL+"/tickets/12?row=3").wants(t, http.StatusOK)
		if a.text != "the shop's /tickets/12" || a.Request.Response != nil {
			t.Errorf("told %q", a.text)
		}
		cookies := a.Cookies()
		if len(cookies) != 1 || cookies[0].Name != "fr_place_"+s.show || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Secure {
			t.Errorf("cookies %v", cookies)
		}
		if kept := a.Header.Values("Cache-Control"); len(kept) != 1 || kept[0] != "no-store, private" {
			t.Errorf("an answer with somebody's place in it may be kept: %q", kept)
		}
		for range 2 {
			r := s.served.last(t)
			pass, err := s.keysOf(t).ParsePass(r.Header.Get("X-Frontrow-Pass"), time.Now())
			must(t, err)
			if pass.Visitor != r.Header.Get("X-Frontrow-Visitor") || pass.Show != s.show || pass.Issuer != queueURL ||
				fmt.Sprint(pass.Number) != r.Header.Get("X-Frontrow-Number") || r.Header.Get("X-Frontrow-Show") != s.show {
				t.Errorf("the shop was told %v, and the pass says %v", r.Header, pass)
			}
			if r.Host != "shop.test" || r.Header.Get("Cookie") != "" || r.Header.Get("X-Forwarded-Host") != "shop.test" {
				t.Errorf("the shop was told host %s, cookie %q, headers %v", r.Host, r.Header.Get("Cookie"), r.Header)
			}
			if again := v.get(shopURL+"/tickets/12?row=3").wants(t, http.StatusOK); len(again.Cookies()) != 0 {
				t.Errorf("told again: %v", again.Cookies())
			}
		}
		s.verifies(s.show)
	})
}

func (s *shopfront) keysOf(t *testing.T) *queue.Keyring {
	t.Helper()
	keys, err := queue.NewKeyring(testSecret)
	must(t, err)
	return keys
}

func TestACrowdWaitsAndEverybodyComesBackToWhereTheyWanted(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := b.shop(t, nil)
		inside := s.insider(t)
		s.shut()
		before := len(s.served.all())

		v := s.agent()
		deep := shopURL + "/tickets/12?row=3&seat=a%2Fb"
		back := v.get(deep).waits(t, s.show)
		if back != deep {
			t.Errorf("comes back to %s, wanted %s", back, deep)
		}
		v.does("POST", deep, "text/html").refuses(t, http.StatusServiceUnavailable, "waiting")
		told := v.does("GET", deep, "application/json").refuses(t, http.StatusServiceUnavailable, "waiting")
		if told.Header.Get("Retry-After") == "" || !strings.Contains(told.text, `"queue":"http://queue.test/v1/shows/`+s.show+`/queue"`) {
			t.Errorf("told %s", told.text)
		}
		// Who has not been let in does not get past the waiting room either.
		v.does("POST", queueURL+"/v1/shows/"+s.show+"/queue", "*/*").wants(t, http.StatusCreated)
		v.get(queueURL+"/v1/shows/"+s.show+"/return?"+url.Values{"to": {back}}.Encode()).waits(t, s.show)
		s.agent().get(queueURL+"/v1/shows/"+s.show+"/return?"+url.Values{"to": {back}}.Encode()).waits(t, s.show)
		if n := len(s.served.all()); n != before {
			t.Errorf("%d requests reached the shop of somebody who was not let in", n-before)
		}
		inside.get(shopURL+"/more").wants(t, http.StatusOK)
		for _, open := range []string{"/assets/app.js", "/healthz", "/open/x"} {
			s.agent().get(shopURL+open).wants(t, http.StatusOK)
		}

		s.rules(map[string]any{"paused": false})
		v.isLetIn(s.show)
		a := v.comesBack(s.show, back).wants(t, http.StatusOK)
		if a.text != "the shop's /tickets/12" || s.served.last(t).URL.RawQuery != "row=3&seat=a%2Fb" {
			t.Errorf("came back to %s, told %q", s.served.last(t).URL, a.text)
		}
		v.get(shopURL+"/next").wants(t, http.StatusOK)
		s.verifies(s.show)
	})
}

// A code is good once, where it was made for, and leads nowhere else.
func TestCodesAndReturnsThatAreRefused(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := b.shop(t, nil)
		v := s.agent()
		v.isLetIn(s.show)
		returns := func(to string) answer {
			return v.get(queueURL + "/v1/shows/" + s.show + "/return?" + url.Values{"to": {to}}.Encode())
		}
		for _, to := range []string{"http://evil.test/", "//shop.test/", "/x", "", "javascript:alert(1)", "http://shop.test/open", "http://shop.test@evil.test/"} {
			returns(to).refuses(t, http.StatusUnprocessableEntity, "invalid")
		}
		s.shut()
		code := returns(shopURL+"/a?b=c").wants(t, http.StatusSeeOther).Header.Get("Location")
		if !strings.HasPrefix(code, shopURL+"/a?b=c&fr_code=frc1.") {
			t.Fatalf("sent to %s", code)
		}
		v.get(code[:len(code)-3]+"xyz").refuses(t, http.StatusForbidden, "code_invalid")
		v.get(shopURL+"/a?fr_code=nonsense").refuses(t, http.StatusForbidden, "code_invalid")
		v.get(shopURL+"/a?fr_code="+url.QueryEscape(v.placeAt(queueURL))).refuses(t, http.StatusForbidden, "code_invalid")

		if to := v.get(code).wants(t, http.StatusSeeOther).Header.Get("Location"); to != "/a?b=c" {
			t.Errorf("sent to %s", to)
		}
		v.get(shopURL+"/a").wants(t, http.StatusOK)
		s.agent().get(code).refuses(t, http.StatusForbidden, "code_spent")
		if to := v.get(code).wants(t, http.StatusSeeOther).Header.Get("Location"); to != "/a?b=c" {
			t.Errorf("whoever is inside and loads it again is sent to %s", to)
		}
		if to := v.get(strings.Replace(code, shopURL+"/a", shopURL+"//evil.test/a", 1)).wants(t, http.StatusSeeOther).Header.Get("Location"); strings.HasPrefix(to, "//") {
			t.Errorf("sent to another host: %s", to)
		}
	})
}

// placeAt is what a browser's jar has for a place.
func (b *agent) placeAt(address string) string {
	b.t.Helper()
	u, err := url.Parse(address)
	must(b.t, err)
	for _, cookie := range b.Jar.Cookies(u) {
		if strings.HasPrefix(cookie.Name, "fr_place_") {
			return cookie.Value
		}
	}
	b.t.Fatalf("no place at %s", address)
	return ""
}

// Who comes when the quota has just gone keeps the place that they were given meanwhile.
func TestAPlaceGivenAtTheGateIsBroughtToTheWaitingRoom(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := b.shop(t, nil, func(_, admission map[string]any) { admission["admit"], admission["interval_ms"] = 1, 60_000 })
		s.agent().get(shopURL+"/").wants(t, http.StatusOK)
		v := s.agent()
		a := v.get(shopURL+"/deep").wants(t, http.StatusSeeOther)
		if !strings.HasPrefix(a.Header.Get("Location"), queueURL+"/v1/shows/"+s.show+"/return?code=frc1.") {
			t.Fatalf("sent to %s", a.Header.Get("Location"))
		}
		v.get(a.Header.Get("Location")).waits(t, s.show)
		told := v.does("GET", queueURL+"/v1/shows/"+s.show+"/queue", "*/*").wants(t, http.StatusOK).text
		if !strings.Contains(told, `"state":"waiting"`) || !strings.Contains(told, `"number":2,`) {
			t.Errorf("the waiting room says %s", told)
		}
		s.agent().get(a.Header.Get("Location")).refuses(t, http.StatusForbidden, "code_spent")
	})
}

// A program that knows no redirects waits with the place that it is given.
func TestProgramsWaitAtTheGate(t *testing.T) {
	t.Parallel()
	s := backend{}.shop(t, nil, func(_, admission map[string]any) { admission["admit"], admission["interval_ms"] = 1, 60_000 })
	s.agent().get(shopURL+"/").wants(t, http.StatusOK)
	v := s.agent()
	told := v.does("POST", shopURL+"/order", "application/json").refuses(t, http.StatusServiceUnavailable, "waiting")
	if !strings.Contains(told.text, `"position":`) || !strings.Contains(told.text, `"token":"fr1.`) {
		t.Errorf("told %s", told.text)
	}
	s.rules(map[string]any{"interval_ms": 100})
	testenv.Wait(t, 10*time.Second, func() bool {
		return v.does("POST", shopURL+"/order", "application/json").StatusCode == http.StatusOK
	}, "the place at the gate is not let in")
	if number := s.served.last(t).Header.Get("X-Frontrow-Number"); number != "2" {
		t.Errorf("let in with number %s", number)
	}
	// The same by token, for those who keep no cookies; the shop is not shown it.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shopURL+"/x", nil)
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+v.placeAt(shopURL))
	s.agent().send(request).wants(t, http.StatusOK)
	if r := s.served.last(t); r.Header.Get("Authorization") != "" || r.Header.Get("X-Frontrow-Number") != "2" {
		t.Errorf("the shop was told %v", r.Header)
	}
	request.Header.Set("Authorization", "Bearer "+s.served.last(t).Header.Get("X-Frontrow-Pass"))
	s.agent().send(request).wants(t, http.StatusOK)
	request.Header.Set("Authorization", "Bearer of-the-shop-itself")
	v.send(request).wants(t, http.StatusOK)
	if r := s.served.last(t); r.Header.Get("Authorization") != "Bearer of-the-shop-itself" {
		t.Errorf("the shop's own proof came as %q", r.Header.Get("Authorization"))
	}
}

// commandCounter counts what Redis is asked about visitors.
type commandCounter struct{ n atomic.Int64 }

func (c *commandCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *commandCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.n.Add(1); return next(ctx, cmd) }
}

func (c *commandCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.n.Add(int64(len(cmds))); return next(ctx, cmds) }
}

// Those inside cost Redis next to nothing, and the loops of the gateway are counted as well.
func TestRedisIsAskedATenthOfATimeARequest(t *testing.T) {
	t.Parallel()
	s := realBackend(t).shop(t, nil)
	v := s.insider(t)
	counter := &commandCounter{}
	s.redis.AddHook(counter)
	const requests = 2000
	began := time.Now()
	for range requests {
		v.get(shopURL+"/page").wants(t, http.StatusOK)
	}
	loops := int64(time.Since(began)/time.Second+1) * 20 // what a gateway asks a second whether anybody comes or not, and more
	if n := counter.n.Load(); n > requests/10+loops {
		t.Errorf("%d commands for %d requests in %s", n, requests, time.Since(began))
	} else {
		t.Logf("%d commands for %d requests in %s", n, requests, time.Since(began))
	}
}

func TestTheGateWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"closed", "open"} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			server := testenv.OwnRedis(t)
			b := backend{redis: server.URL(), dsn: testenv.MySQL(t)}
			b.migrate(t)
			s := b.shop(t, nil, func(route, _ map[string]any) { route["redis_away"], route["grace_seconds"] = rule, 1 })
			inside := s.insider(t)
			other := b.serve(t, func(c *gatewayConfig) { *c = s.config })
			other.opens(s.show)
			server.Stop()
			inside.get(shopURL+"/more").wants(t, http.StatusOK)
			stranger := s.agent()
			if rule == "closed" {
				testenv.Wait(t, 40*time.Second, func() bool {
					return stranger.get(shopURL+"/").StatusCode == http.StatusServiceUnavailable
				}, "nobody notices")
				if a := stranger.get(shopURL+"/").refuses(t, http.StatusServiceUnavailable, "unavailable"); a.Header.Get("Retry-After") == "" {
					t.Error("not told when to come again")
				}
			} else {
				testenv.Wait(t, 40*time.Second, func() bool {
					return stranger.get(shopURL+"/").StatusCode == http.StatusOK
				}, "it does not open")
				if s.served.last(t).Header.Get("X-Frontrow-Visitor") != "" {
					t.Error("a stranger is told to be somebody")
				}
			}
			// By the token alone, at a gateway that has never seen them.
			moved := (&shopfront{other, s.show, s.served}).agent()
			moved.Jar = inside.Jar
			moved.get(shopURL+"/elsewhere").wants(t, http.StatusOK)
			if n := s.counted(map[string]string{"open": "away_open", "closed": "away"}[rule]); n < 1 {
				t.Errorf("%d are counted", n)
			}
			server.Start()
			testenv.Wait(t, 40*time.Second, func() bool {
				return stranger.get(shopURL+"/").StatusCode == http.StatusOK
			}, "it does not come back")
		})
	}
}

// counted is how many requests were decided so, in earnest or not.
func (s *shopfront) counted(decision string) (n int) {
	s.t.Helper()
	metrics := string(s.do(call{method: "GET", path: "/metrics"}).want(http.StatusOK).body)
	for _, dry := range []string{"true", "false"} {
		prefix := fmt.Sprintf("frontrow_gate_decisions_total{decision=%q,dry_run=%q,show=%q} ", decision, dry, s.show)
		if _, rest, ok := strings.Cut(metrics, prefix); ok {
			count, _, _ := strings.Cut(rest, "\n")
			more, err := strconv.Atoi(count)
			must(s.t, err)
			n += more
		}
	}
	return n
}

// A show that sells nothing here has no seats to be let in for, and none to run out of.
func TestAShowWithoutSeatsStandsBeforeAShop(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		show := "t-" + strings.ToLower(strings.NewReplacer("_", "x", "-", "y").Replace(queue.NewVisitor()))
		shop := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the shop") })
		g := b.serve(t, withRoutes(t, map[string]any{"host": "shop.test", "show": show, "upstream": shop}))
		g.admin("POST", "/v1/admin/shows", map[string]any{"show": show, "title": "Elsewhere", "phase": "open", "sections": []any{}}).want(http.StatusCreated)
		s := &shopfront{testGateway: g, show: show}
		v := s.agent()
		testenv.Wait(t, 10*time.Second, func() bool { return v.get(shopURL+"/").StatusCode == http.StatusOK }, "nobody comes in")
		if a := g.do(call{method: "GET", path: "/v1/shows/" + show}).want(http.StatusOK); len(a.json()["prices"].([]any)) != 0 {
			t.Errorf("told %s", a.body)
		}
		g.do(call{method: "GET", path: "/v1/shows"}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/v1/shows/" + show + "/board"}).want(http.StatusOK)
		g.do(call{method: "GET", path: "/v1/shows/" + show + "/seats/layout"}).want(http.StatusOK)
		g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK)
		r := g.joins(show)
		r.is("admitted")
		if a := r.hold("A-1-1"); a.status < 400 || a.status >= 500 {
			t.Errorf("a seat that there is not is answered %d %s", a.status, a.body)
		}
		g.verifies(show)
	})
}

// In a dry run everybody goes through, and is counted.
func TestADryRunOnlyCounts(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := b.shop(t, nil, func(route, _ map[string]any) { route["dry_run"] = true })
		s.agent().get(shopURL+"/").wants(t, http.StatusOK)
		s.shut()
		for range 3 {
			s.agent().get(shopURL+"/").wants(t, http.StatusOK)
		}
		if n := s.counted("wait"); n != 3 {
			t.Errorf("%v would have waited", n)
		}
		if n := s.counted("admit"); n != 1 {
			t.Errorf("%v were let in", n)
		}
	})
}

// The page of the waiting room leads back to where its visitor came from, by whatever form they
// went on, and nowhere that nobody has named.
func TestTheWaitingRoomKnowsTheWayBack(t *testing.T) {
	t.Parallel()
	s := backend{}.shop(t, nil)
	home := backend{}.serve(t, func(c *gatewayConfig) { c.ShopOrigins = []string{"https://shop.example"} })
	show := home.show()
	for _, c := range []struct {
		at            *testGateway
		show, to, way string
	}{
		{s.testGateway, s.show, shopURL + "/tickets?a=1&b=2", "/v1/shows/" + s.show + "/return?to=" + url.QueryEscape(shopURL+"/tickets?a=1&b=2")},
		{s.testGateway, s.show, "http://elsewhere.test/", "/shows/" + s.show + "/seats"},
		{s.testGateway, s.show, "javascript:alert(1)", "/shows/" + s.show + "/seats"},
		{home, show, "https://shop.example/basket?x=1&y=2", "https://shop.example/basket?x=1&y=2"},
		{home, show, "https://shop.example:8443/basket", "/shows/" + show + "/seats"},
		{home, show, "https://shop.example@elsewhere.test/", "/shows/" + show + "/seats"},
		{home, show, "//shop.example/", "/shows/" + show + "/seats"},
		{home, show, "", "/shows/" + show + "/seats"},
	} {
		address := "/shows/" + c.show + "?" + url.Values{"return": {c.to}}.Encode()
		page := string(c.at.do(call{method: "GET", path: address, header: map[string]string{"Accept": "text/html"}}).want(http.StatusOK).body)
		if link := wayOn.FindStringSubmatch(page); link == nil || html.UnescapeString(link[1]) != c.way {
			t.Errorf("%s leads on to %v, want %s", c.to, link, c.way)
		}
		keeps := strings.Contains(page, `action="/shows/`+c.show+`/queue?return=`)
		if leads := !strings.HasSuffix(c.way, "/seats"); leads != keeps {
			t.Errorf("%s: the forms know of it: %t, want %t", c.to, keeps, leads)
		}
	}
}
