package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
	"frontrow/queue"
)

// What nobody may get through with, at the interface, on both backends: a clear
// problem each, and nothing is lost by it.
func TestBadProofs(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show, other := g.show(), g.show()
		v := g.enters(show)
		waiting := g.joins(show)
		foreign := g.enters(other)
		done := g.enters(show)
		g.do(call{method: "DELETE", path: "/v1/shows/" + show + "/queue", bearer: done.token}).want(http.StatusNoContent)
		testenv.Wait(t, 5*time.Second, func() bool { return done.poll().text("state") == "finished" }, "did not leave")

		keys, err := queue.NewKeyring(strings.Repeat("b3RoZXI0", 8))
		must(t, err)
		forgedToken := keys.Token(queue.Token{Show: show, Visitor: queue.NewVisitor(), Number: 1, Epoch: 1, Generation: 1})
		forgedPass, err := keys.Pass(queue.Pass{Visitor: queue.NewVisitor(), Show: show, Number: 1, Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
		must(t, err)
		ours, err := queue.NewKeyring(testSecret)
		must(t, err)
		expired, err := ours.Pass(queue.Pass{Visitor: queue.NewVisitor(), Show: show, Number: 1, Issued: time.Now().Add(-time.Hour), Expires: time.Now().Add(-time.Minute)})
		must(t, err)

		poll := call{method: "GET", path: "/v1/shows/" + show + "/queue"}
		hold := call{method: "POST", path: "/v1/shows/" + show + "/holds", body: map[string]any{"seats": []string{"A-1-1"}}}
		for name, test := range map[string]struct {
			call   call
			bearer string
			status int
			code   string
		}{
			"poll, nothing":               {poll, "", 401, "token_required"},
			"poll, forged token":          {poll, forgedToken, 401, "token_invalid"},
			"poll, truncated token":       {poll, v.token[:len(v.token)-1], 401, "token_invalid"},
			"poll, token of another show": {poll, foreign.token, 401, "token_invalid"},
			"poll, garbage":               {poll, "garbage", 401, "pass_invalid"},
			"poll, empty token":           {poll, "fr1.", 401, "token_invalid"},
			"join, forged token":          {call{method: "POST", path: poll.path}, forgedToken, 401, "token_invalid"},
			"leave, forged token":         {call{method: "DELETE", path: poll.path}, forgedToken, 401, "token_invalid"},
			"hold, nothing":               {hold, "", 401, "pass_required"},
			"hold, queue token":           {hold, waiting.token, 401, "pass_required"},
			"hold, forged pass":           {hold, forgedPass, 401, "pass_invalid"},
			"hold, tampered pass":         {hold, v.pass[:len(v.pass)-4] + "AAAA", 401, "pass_invalid"},
			"hold, pass of another show":  {hold, foreign.pass, 401, "pass_invalid"},
			"hold, pass past its time":    {hold, expired, 403, "pass_expired"},
			"hold, visitor who is done":   {hold, done.pass, 403, "pass_expired"},
			"hold, unknown show":          {call{method: "POST", path: "/v1/shows/nowhere/holds", body: hold.body}, v.pass, 404, "show_not_found"},
			"poll, unknown show":          {call{method: "GET", path: "/v1/shows/nowhere/queue"}, "", 401, "token_required"},
			"join, unknown show":          {call{method: "POST", path: "/v1/shows/nowhere/queue"}, "", 404, "show_not_found"},
			"show, no show's name":        {call{method: "GET", path: "/v1/shows/NO_SHOW", bad: true}, "", 404, "show_not_found"},
			"pass, nothing":               {call{method: "GET", path: "/v1/shows/" + show + "/pass"}, "", 401, "pass_required"},
			"pass, visitor who is done":   {call{method: "GET", path: "/v1/shows/" + show + "/pass"}, done.pass, 401, "pass_invalid"},
			"wallet, nothing":             {call{method: "GET", path: "/v1/wallet"}, "", 401, "token_required"},
			"wallet, forged":              {call{method: "GET", path: "/v1/wallet"}, forgedToken, 401, "token_invalid"},
			"admin, nothing":              {call{method: "GET", path: "/v1/admin/shows"}, "", 401, "admin_required"},
			"admin, a pass":               {call{method: "GET", path: "/v1/admin/shows"}, v.pass, 401, "admin_required"},
			"admin, nearly":               {call{method: "GET", path: "/v1/admin/shows"}, testAdmin + "x", 401, "admin_required"},
			"nothing here":                {call{method: "GET", path: "/v1/nothing", bad: true}, "", 404, "not_found"},
		} {
			test.call.bearer = test.bearer
			r := g.do(test.call)
			if r.status != test.status || r.text("code") != test.code {
				t.Errorf("%s: %d %s, want %d %s", name, r.status, r.body, test.status, test.code)
			}
		}

		g.do(call{method: "GET", path: poll.path, header: map[string]string{"Authorization": "Basic x"}}).problem(401, "token_invalid")
		if s := waiting.poll(); s.status != http.StatusOK {
			t.Errorf("who waited lost the place: %s", s.body)
		}
		v.hold("A-1-1").want(http.StatusCreated)
	})
}

// Who asks in vain again and again does not stay inside for it.
func TestAskingInVainProlongsNothing(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(s map[string]any) {
			s["admission"].(map[string]any)["session_seconds"] = 6
		})
		v, other := g.enters(show), g.enters(show)
		other.hold("A-1-1").want(http.StatusCreated)
		until := v.poll().text("admitted_until")
		for _, seats := range [][]string{{"nope"}, {"A-1-1"}, {"A-1-2", "nope"}} {
			if r := v.hold(seats...); r.status == http.StatusCreated {
				t.Fatalf("held %v", seats)
			}
		}
		r := v.poll().want(http.StatusOK)
		if now := r.text("admitted_until"); now != until {
			t.Errorf("inside until %s, was %s", now, until)
		}
		end, err := time.Parse(time.RFC3339Nano, until)
		must(t, err)
		pass, err := time.Parse(time.RFC3339Nano, r.text("pass_expires_at"))
		must(t, err)
		if pass.After(end) {
			t.Errorf("the pass lasts until %s, the admission until %s", pass, end)
		}
		v.is("expired")
	})
}

// A show that is deleted and made again under its id is another show.
func TestAShowMadeAgain(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v := g.enters(show)
		g.admin("POST", "/v1/admin/shows/"+show+"/close", nil).want(http.StatusOK)
		g.admin("DELETE", "/v1/admin/shows/"+show, nil).want(http.StatusNoContent)
		g.admin("POST", "/v1/admin/shows", map[string]any{
			"show": show, "title": "Another", "phase": "open", "sections": []any{section("A", 1, 5)},
		}).want(http.StatusCreated)
		testenv.Wait(t, 15*time.Second, func() bool {
			if r := v.hold("A-1-1"); r.status == http.StatusCreated {
				t.Fatal("the old show's pass holds seats of the new one")
			}
			return g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"}).status == http.StatusCreated
		}, "the new show takes nobody")
		v.poll().problem(http.StatusGone, "place_expired")
		again := g.enters(show)
		again.hold("A-1-1").want(http.StatusCreated)
		g.verifies(show)
	})
}

func TestOldGenerations(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v, waiting := g.enters(show), g.joins(show)
		held := v.hold("A-1-1").want(http.StatusCreated)
		g.do(call{method: "POST", path: "/v1/admin/shows/" + show + "/reset", bearer: testAdmin, body: map[string]any{"confirm": "demo"}}).problem(422, "invalid")
		g.do(call{method: "POST", path: "/v1/admin/shows/" + show + "/reset", bearer: testAdmin, body: map[string]any{}, bad: true}).problem(422, "invalid")
		reset := g.admin("POST", "/v1/admin/shows/"+show+"/reset", map[string]any{"confirm": show}).want(http.StatusOK)
		if reset.number("generation") != 2 {
			t.Errorf("generation %d", reset.number("generation"))
		}
		waiting.poll().problem(http.StatusGone, "place_expired")
		v.poll().problem(http.StatusGone, "place_expired")
		v.hold("A-1-2").problem(http.StatusForbidden, "pass_expired")
		v.charge(100_000).want(http.StatusCreated)
		v.pay(held.text("hold"), "k").problem(http.StatusForbidden, "pass_expired")
		again := g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue", bearer: waiting.token}).want(http.StatusCreated)
		waiting.token = again.text("token")
		waiting.is("admitted")
	})
}

func TestBadSeats(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		v := g.enters(show)
		for name, test := range map[string]struct {
			raw    string
			status int
			code   string
		}{
			"unknown":        {`{"seats":["A-1-1","Z-9-9"]}`, 422, "unknown_seat"},
			"twice":          {`{"seats":["A-1-1","A-1-1"]}`, 422, "invalid"},
			"none":           {`{"seats":[]}`, 422, "invalid"},
			"no field":       {`{}`, 422, "invalid"},
			"too many":       {`{"seats":["A-1-1","A-1-2","A-1-3","A-1-4"]}`, 422, "too_many_seats"},
			"no list":        {`{"seats":"A-1-1"}`, 422, "invalid"},
			"numbers":        {`{"seats":[1,2]}`, 422, "invalid"},
			"null":           {`null`, 400, "malformed"},
			"a list":         {`["A-1-1"]`, 400, "malformed"},
			"unknown field":  {`{"seats":["A-1-1"],"best":2}`, 422, "invalid"},
			"not JSON":       {`seats=A-1-1`, 400, "malformed"},
			"cut":            {`{"seats":["A-1-1"`, 400, "malformed"},
			"more behind it": {`{"seats":["A-1-1"]}{}`, 400, "malformed"},
			"nothing":        {``, 400, "malformed"},
			"deeply nested":  {`{"seats":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, 400, "malformed"},
			"too large":      {`{"seats":["` + strings.Repeat("A", 64<<10) + `"]}`, 413, "too_large"},
			"a strange seat": {`{"seats":["' OR 1=1 --"]}`, 422, "unknown_seat"},
			"an empty seat":  {`{"seats":[""]}`, 422, "unknown_seat"},
		} {
			r := g.do(call{method: "POST", path: "/v1/shows/" + show + "/holds", bearer: v.pass, raw: test.raw, bad: true})
			if r.status != test.status || r.text("code") != test.code {
				t.Errorf("%s: %d %s, want %d %s", name, r.status, r.body, test.status, test.code)
			}
		}
		v.hold("A-1-1", "A-1-2", "A-1-3").want(http.StatusCreated)
		v.hold("A-1-4").problem(422, "too_many_seats")
		g.do(call{method: "GET", path: "/v1/holds/nothing", bearer: v.token}).problem(404, "hold_not_found")
		g.do(call{method: "DELETE", path: "/v1/holds/nothing", bearer: v.token}).problem(404, "hold_not_found")
		g.do(call{method: "GET", path: "/v1/orders/nothing", bearer: v.token}).problem(404, "order_not_found")
	})
}

// The limit holds for two holds that are asked for at the same moment.
func TestLimitByTwoHoldsAtOnce(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show() // three seats a visitor
		v := g.enters(show)
		const n = 6
		replies := make(chan reply, n)
		for i := range n {
			go func() {
				replies <- g.do(call{
					method: "POST", path: "/v1/shows/" + show + "/holds", bearer: v.pass,
					body: map[string]any{"seats": []string{fmt.Sprintf("A-1-%d", 2*i+1), fmt.Sprintf("A-1-%d", 2*i+2)}},
				})
			}()
		}
		held := 0
		for range n {
			switch r := <-replies; r.status {
			case http.StatusCreated:
				held++
			default:
				r.problem(422, "too_many_seats")
			}
		}
		if held != 1 {
			t.Errorf("%d holds of two seats within a limit of three", held)
		}
		v.hold("B-1-1").want(http.StatusCreated)
		v.hold("B-1-2").problem(422, "too_many_seats")
		g.verifies(show)
	})
}

func TestBadPayments(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show, other := g.show(), g.show()
		v, foreign := g.enters(show), g.enters(other)
		held := v.hold("A-1-1").want(http.StatusCreated).text("hold")
		order := func(bearer, key, raw string) reply {
			t.Helper()
			return g.do(call{method: "POST", path: "/v1/orders", bearer: bearer, key: key, raw: raw, bad: true})
		}
		good := fmt.Sprintf(`{"hold":%q,"payment":{"method":"wallet"}}`, held)
		order(v.pass, "k", good).problem(422, "insufficient_points")
		v.charge(49_999).want(http.StatusCreated)
		order(v.pass, "k", good).problem(422, "insufficient_points")
		order(v.pass, "", good).problem(422, "invalid")
		order(v.pass, strings.Repeat("k", 129), good).problem(422, "invalid")
		order(v.pass, "k", `{"payment":{"method":"wallet"}}`).problem(422, "invalid")
		order(v.pass, "k", fmt.Sprintf(`{"hold":%q,"payment":{"method":"gold"}}`, held)).problem(422, "invalid")
		order(v.pass, "k", fmt.Sprintf(`{"hold":%q,"payment":"wallet"}`, held)).problem(422, "invalid")
		order(v.pass, "k", fmt.Sprintf(`{"hold":%q,"payment":{"method":"wallet","tip":1}}`, held)).problem(422, "invalid")
		order(v.pass, "k", `{"hold":7}`).problem(422, "invalid")
		order(v.pass, "k", `{"hold":"unknown","payment":{"method":"wallet"}}`).problem(404, "hold_not_found")
		order(v.token, "k", good).problem(401, "pass_required")
		order(foreign.pass, "k", good).problem(403, "not_yours")
		order("", "k", good).problem(401, "token_required")

		charge := func(key, raw string) reply {
			t.Helper()
			return g.do(call{method: "POST", path: "/v1/wallet/charges", bearer: v.token, key: key, raw: raw, bad: true})
		}
		for _, raw := range []string{`{"amount":0}`, `{"amount":-1}`, `{"amount":100000001}`, `{"amount":1.5}`, `{"amount":"1"}`, `{"amount":1e30}`, `{}`, `{"amount":1,"currency":"USD"}`} {
			charge("c", raw).problem(422, "invalid")
		}
		charge("", `{"amount":1}`).problem(422, "invalid")
		charge("c", `{"amount":100000000}`).want(http.StatusCreated)
		charge("c", `{"amount":100000000}`).want(http.StatusCreated)
		charge("c", `{"amount":1}`).problem(422, "idempotency_mismatch")
		wallet := g.do(call{method: "GET", path: "/v1/wallet", bearer: v.token}).want(http.StatusOK)
		if wallet.number("balance") != 100_049_999 {
			t.Errorf("balance %d", wallet.number("balance"))
		}
		order(v.pass, strings.Repeat("k", 128), good).want(http.StatusCreated)
		v.is("finished")
		order(v.pass, "another", good).problem(403, "pass_expired")
		g.verifies(show)
	})
}

func TestOnlyTheOperatorChargesWhereThatIsNoDemo(t *testing.T) {
	t.Parallel()
	g := realBackend(t).serve(t, func(c *gatewayConfig) { c.DemoCharges = nil })
	v := g.joins(g.show())
	v.charge(1).problem(401, "admin_required")
	visitor := g.do(call{method: "GET", path: "/v1/wallet", bearer: v.token}).want(http.StatusOK).text("visitor")
	path := "/v1/admin/wallets/" + visitor + "/charges"
	body := map[string]any{"amount": 5}
	g.do(call{method: "POST", path: path, bearer: v.token, key: "a", body: body}).problem(401, "admin_required")
	charged := g.do(call{method: "POST", path: path, bearer: testAdmin, key: "a", body: body}).want(http.StatusCreated)
	if charged.number("balance") != 5 {
		t.Errorf("balance %d", charged.number("balance"))
	}
	g.do(call{method: "POST", path: "/v1/admin/wallets/nobody/charges", bearer: testAdmin, key: "a", body: body, bad: true}).problem(404, "not_found")
}

func TestBadRules(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		path := "/v1/admin/shows/" + show + "/admission"
		before := string(g.admin("GET", path, nil).want(http.StatusOK).body)
		for raw, want := range map[string]struct {
			status int
			field  string
		}{
			`{"admit":-1}`:                           {422, "admit"},
			`{"admit":100001}`:                       {422, "admit"},
			`{"admit":"ten"}`:                        {422, "admit"},
			`{"admit":1.5}`:                          {422, "admit"},
			`{"admit":1e99}`:                         {422, "admit"},
			`{"interval_ms":0}`:                      {422, "interval_ms"},
			`{"interval_ms":99}`:                     {422, "interval_ms"},
			`{"interval_ms":60001}`:                  {422, "interval_ms"},
			`{"max_active":-1}`:                      {422, "max_active"},
			`{"max_active":1000001}`:                 {422, "max_active"},
			`{"claim_seconds":4}`:                    {422, "claim_seconds"},
			`{"session_seconds":86401}`:              {422, "session_seconds"},
			`{"session_seconds":901}`:                {422, "session_max_seconds"},
			`{"claim_seconds":5,"interval_ms":6000}`: {422, "interval_ms"},
			`{"paused":1}`:                           {422, "paused"},
			`{"seats_per_visitor_percent":-1}`:       {422, "seats_per_visitor_percent"},
			`{"waiting_list_claim_seconds":59}`:      {422, "waiting_list_claim_seconds"},
			`{"waiting_list_claim_seconds":86401}`:   {422, "waiting_list_claim_seconds"},
			`{"prolong_seconds":-1}`:                 {422, "prolong_seconds"},
			`{"prolong_seconds":86401}`:              {422, "prolong_seconds"},
			`{"seats_per_visitor_percent":9}`:        {422, "seats_per_visitor_percent"},
			`{"seats_per_visitor_percent":5001}`:     {422, "seats_per_visitor_percent"},
			`{"speed":11}`:                           {422, "speed"},
			`{"admit":5`:                             {400, ""},
			`[]`:                                     {400, ""},
			`null`:                                   {400, ""},
			`{"admit":5,"admit_":6}`:                 {422, "admit_"},
		} {
			r := g.do(call{method: "PATCH", path: path, bearer: testAdmin, raw: raw, bad: true}).want(want.status)
			if want.field != "" && !strings.Contains(string(r.body), `"field":"`+want.field+`"`) {
				t.Errorf("%s: %s does not name %s", raw, r.body, want.field)
			}
		}
		if after := string(g.admin("GET", path, nil).want(http.StatusOK).body); after != before {
			t.Errorf("rules are %s, were %s: what is refused changes nothing", after, before)
		}
		g.admin("PATCH", path, map[string]any{"admit": 100_000, "interval_ms": 100, "max_active": 1_000_000}).want(http.StatusOK)
		g.admin("PATCH", path, map[string]any{"admit": 0}).want(http.StatusOK)
		g.admin("PATCH", path, map[string]any{"waiting_list_claim_seconds": 60}).want(http.StatusOK)
		g.admin("PATCH", path, map[string]any{"waiting_list_claim_seconds": 86_400}).want(http.StatusOK)
		g.admin("PATCH", path, map[string]any{"prolong_seconds": 86_400}).want(http.StatusOK)
		g.admin("PATCH", path, map[string]any{"prolong_seconds": 0}).want(http.StatusOK)
		for _, percent := range []int{10, 5000, 0} {
			g.admin("PATCH", path, map[string]any{"seats_per_visitor_percent": percent}).want(http.StatusOK)
		}
		g.do(call{method: "PATCH", path: "/v1/admin/shows/nowhere/admission", bearer: testAdmin, body: map[string]any{"admit": 1}}).problem(404, "show_not_found")
	})
}

func TestBadShows(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		create := func(change func(map[string]any)) reply {
			t.Helper()
			spec := map[string]any{"show": "another", "title": "T", "sections": []any{section("A", 1, 2)}, "hold_seconds": 60, "max_seats": 2, "max_waiting": 0}
			change(spec)
			return g.do(call{method: "POST", path: "/v1/admin/shows", bearer: testAdmin, body: spec, bad: true})
		}
		for name, change := range map[string]func(map[string]any){
			"taken id":       func(s map[string]any) { s["show"] = show },
			"no id":          func(s map[string]any) { delete(s, "show") },
			"strange id":     func(s map[string]any) { s["show"] = "Show 1" },
			"long id":        func(s map[string]any) { s["show"] = strings.Repeat("a", 41) },
			"no title":       func(s map[string]any) { s["title"] = "" },
			"no seats":       func(s map[string]any) { s["sections"] = nil },
			"twice the seat": func(s map[string]any) { s["sections"] = []any{section("A", 1, 2), section("A", 1, 2)} },
			"negative price": func(s map[string]any) { s["sections"] = []any{section("A", -1, 2)} },
			"other money":    func(s map[string]any) { s["currency"] = "DOLLARS" },
			"bad rules":      func(s map[string]any) { s["admission"] = map[string]any{"admit": -5} },
			"unknown rule":   func(s map[string]any) { s["admission"] = map[string]any{"speed": 1} },
			"unknown field":  func(s map[string]any) { s["colour"] = "red" },
			"strange time":   func(s map[string]any) { s["plays_at"] = "tomorrow" },
			"wrong type":     func(s map[string]any) { s["max_seats"] = "four" },
			"no seat a head": func(s map[string]any) { s["max_seats"] = 0 },
			"phase closed":   func(s map[string]any) { s["phase"] = "closed" },
		} {
			if r := create(change); r.status != 422 || r.text("code") != "invalid" {
				t.Errorf("%s: %d %s, want 422 invalid", name, r.status, r.body)
			}
		}
		g.do(call{method: "DELETE", path: "/v1/admin/shows/" + show, bearer: testAdmin}).problem(422, "invalid")
		g.do(call{method: "DELETE", path: "/v1/admin/shows/nowhere", bearer: testAdmin}).problem(404, "show_not_found")
		g.do(call{method: "PUT", path: "/v1/admin/shows/" + show + "/message", bearer: testAdmin, body: map[string]any{"text": strings.Repeat("é", 501)}, bad: true}).problem(422, "invalid")
		g.admin("PUT", "/v1/admin/shows/"+show+"/message", map[string]any{"text": strings.Repeat("é", 500)}).want(http.StatusOK)
	})
}
