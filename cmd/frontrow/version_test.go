package main

import (
	"net/http"
	"strings"
	"testing"
)

// A change that names another version than there is changes nothing.
func TestAChangeNamesItsVersion(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show()
		path := "/v1/admin/shows/" + show
		saw := g.admin("GET", path, nil).want(http.StatusOK).header.Get("ETag")
		with := func(tag string, c call) reply {
			c.bearer, c.header = testAdmin, map[string]string{"If-Match": tag}
			return g.do(c)
		}
		admit := func(n int) call {
			return call{method: "PATCH", path: path + "/admission", body: map[string]any{"admit": n}}
		}
		now := with(saw, admit(11)).want(http.StatusOK).header.Get("ETag")
		if now == saw || now == "" {
			t.Errorf("the version is %s after %s", now, saw)
		}
		for _, c := range []call{
			admit(12), {method: "POST", path: path + "/pause"}, {method: "POST", path: path + "/resume"}, {method: "POST", path: path + "/close"}, {method: "POST", path: path + "/open"},
			{method: "PUT", path: path + "/message", body: map[string]any{"text": "Late"}}, {method: "PATCH", path: path, body: map[string]any{"title": "Late"}},
		} {
			with(saw, c).problem(http.StatusPreconditionFailed, "changed_meanwhile")
		}
		for _, tag := range []string{"", "*", `W/"1"`, `"1", "2"`, "1", `"-1"`, `"` + strings.Repeat("9", 19) + `"`} {
			c := admit(13)
			c.bad = true
			with(tag, c).problem(http.StatusUnprocessableEntity, "invalid")
		}
		with(`"`+strings.Repeat("9", 18)+`"`, admit(13)).problem(http.StatusPreconditionFailed, "changed_meanwhile")
		rules := g.admin("GET", path+"/admission", nil).want(http.StatusOK)
		if rules.number("admit") != 11 || rules.header.Get("ETag") != now {
			t.Errorf("admit is %d, the version %s", rules.number("admit"), rules.header.Get("ETag"))
		}
		with(now, call{method: "POST", path: path + "/pause"}).want(http.StatusOK)
	})
}
