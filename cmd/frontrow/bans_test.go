package main

import (
	"net/http"
	"testing"
	"time"

	"frontrow/internal/testenv"
	"frontrow/queue"
)

// Whom the operator bans from a show is out of it, on every gateway and before its shop, until that is undone.
func TestABanIsForEverywhere(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := b.shop(t, nil)
		g, show := s.testGateway, s.show
		path, elsewhere := "/v1/shows/"+show+"/queue", g.show(shut)
		write := map[string]string{"X-Frontrow": "1"}
		v := g.enters(show)
		hold := v.hold("A-1-1").want(http.StatusCreated).text("hold")
		if state := g.admin("GET", "/v1/admin/shows/"+show+"/visitors?number=1", nil).want(http.StatusOK).text("state"); state != "called" {
			t.Errorf("number 1 is %s", state)
		}
		visitor := visitorOf(t, v)
		at := "/v1/admin/shows/" + show + "/bans/" + visitor
		cookies := []*http.Cookie{{Name: "fr_visitor", Value: queueKeys(t).SignVisitor(visitor, 0)}}

		g.admin("PUT", at, nil).want(http.StatusNoContent)
		g.admin("PUT", at, nil).want(http.StatusNoContent)
		v.poll().problem(http.StatusForbidden, "banned")
		v.hold("A-1-2").problem(http.StatusForbidden, "banned")
		v.pay(hold, "key").problem(http.StatusForbidden, "banned")
		g.do(call{method: "GET", path: "/v1/shows/" + show + "/pass", bearer: v.pass}).problem(http.StatusUnauthorized, "pass_invalid")
		g.do(call{method: "POST", path: path, bearer: v.token}).problem(http.StatusForbidden, "banned")
		g.do(call{method: "POST", path: path, cookies: cookies, header: write}).problem(http.StatusForbidden, "banned")
		g.do(call{method: "DELETE", path: path, bearer: v.token}).problem(http.StatusForbidden, "banned")
		g.do(call{method: "POST", path: path + "/move", bearer: v.token}).problem(http.StatusForbidden, "banned")
		g.do(call{method: "GET", path: "/shows/" + show, cookies: cookies}).want(http.StatusForbidden)
		g.do(call{method: "GET", path: "/shows/" + show + "/seats", cookies: cookies, bad: true}).want(http.StatusForbidden)
		program := asks("traefik", "fr_place_"+show+"="+v.token)
		program.header["Accept"] = "*/*"
		g.do(program).problem(http.StatusForbidden, "banned")
		g.do(call{method: "POST", path: "/v1/shows/" + elsewhere + "/queue", cookies: cookies, header: write}).want(http.StatusCreated)
		g.joins(show) // nobody else

		found := g.admin("GET", "/v1/admin/shows/"+show+"/visitors?visitor="+visitor, nil).want(http.StatusOK).json()
		if found["banned"] != true || found["state"] == "admitted" {
			t.Errorf("found %v", found)
		}
		entries := g.admin("GET", "/v1/admin/audit?show="+show, nil).want(http.StatusOK).json()["entries"].([]any)
		if last := entries[0].(map[string]any); last["action"] != "ban_visitor" || last["subject"] != visitor {
			t.Errorf("the audit says %v", last)
		}
		if b.redis != "" {
			other := b.serve(t)
			other.opens(show)
			other.do(call{method: "GET", path: path, bearer: v.token}).problem(http.StatusForbidden, "banned")
			g.admin("DELETE", at, nil).want(http.StatusNoContent)
			testenv.Wait(t, 5*time.Second, func() bool {
				return other.do(call{method: "GET", path: path, bearer: v.token}).status == http.StatusOK
			}, "the other gateway does not hear that the ban is lifted")
		}
		g.admin("DELETE", at, nil).want(http.StatusNoContent)
		if again := g.do(call{method: "POST", path: path, bearer: v.token}).want(http.StatusCreated); again.text("token") == "" {
			t.Errorf("came again to %s", again.body)
		}
		g.admin("PUT", "/v1/admin/shows/no-such-show/bans/"+visitor, nil).problem(http.StatusNotFound, "show_not_found")
		g.do(call{method: "PUT", path: "/v1/admin/shows/" + show + "/bans/nobody", bearer: testAdmin, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")
		g.do(call{method: "PUT", path: at}).problem(http.StatusUnauthorized, "admin_required")
		g.verifies(show)
	})
}

func queueKeys(t *testing.T) *queue.Keyring {
	t.Helper()
	keys, err := queue.NewKeyring(testSecret)
	must(t, err)
	return keys
}

func visitorOf(t *testing.T, v *guest) string {
	t.Helper()
	token, err := queueKeys(t).ParseToken(v.token)
	must(t, err)
	return token.Visitor
}
