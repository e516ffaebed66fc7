package gate

import (
	"fmt"
	"strings"
	"testing"
)

func routesOf(t *testing.T, text string) *Routes {
	t.Helper()
	routes, err := ParseRoutes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

func TestTheLongestPathOfTheHostWins(t *testing.T) {
	t.Parallel()
	routes := routesOf(t, `
routes:
  - {host: shop.example, show: all}
  - {host: shop.example, path: /tickets, show: tickets}
  - {host: shop.example, path: /tickets/free}
  - {host: shop.example, path: /files/, show: files}
  - {path: /anywhere, show: anywhere}
  - {host: 10.0.0.7, show: byaddress}
`)
	for at, want := range map[string]string{
		"shop.example /":               "all",
		"shop.example /tickets":        "tickets",
		"shop.example /tickets/":       "tickets",
		"shop.example /tickets/12":     "tickets",
		"shop.example /ticketsale":     "all",
		"shop.example /tickets/free":   "",
		"shop.example /tickets/free/1": "",
		"shop.example /tickets/freely": "tickets",
		"shop.example /files":          "all",
		"shop.example /files/1":        "files",
		"shop.example /anywhere":       "all",
		"other.example /anywhere/1":    "anywhere",
		"other.example /elsewhere":     "none",
		"sub.shop.example /tickets":    "none",
		"10.0.0.7 /x":                  "byaddress",
		" /anywhere":                   "anywhere",
	} {
		host, path, _ := strings.Cut(at, " ")
		got := "none"
		if r := routes.Match(host, path); r != nil {
			got = r.Show
		}
		if got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Shop.Example": "shop.example", "shop.example:8443": "shop.example", "shop.example.": "shop.example",
		"shop.example.:80": "shop.example", "[::1]:80": "::1", "[::1]": "::1", "": "",
	} {
		if got := hostOf(header); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestWhatBypasses(t *testing.T) {
	t.Parallel()
	r := routesOf(t, `routes: [{show: demo, bypass: [/assets/, "*.css", /healthz, "/img/*.png"]}]`).all[0]
	for path, want := range map[string]bool{
		"/assets/app.js": true, "/assets/": true, "/assets": false, "/assetsx/1": false, "/a/b.css": true, "/healthz": true,
		"/healthz/x": false, "/img/1.png": true, "/img/a/1.png": false, "/buy": false,
		"/assets/%2e%2e/buy": false, "/assets/..%2fbuy": false, "/buy%2f.css": false, "/assets//buy": false, "/assets/;/../buy": false,
		"/buy;x.css": false, "/assets/%252e%252e/buy": false,
	} {
		decoded := strings.NewReplacer("%2e", ".", "%2f", "/", "%25", "%").Replace(path)
		if got := r.bypasses(path, decoded); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

func TestPathsThatClimbAreNotPlain(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/": true, "/a/b.c": true, "/a//b": true, "/..a": true, "/a..": true, "/...": true, "/ü": true,
		"/..": false, "/a/../b": false, "/./a": false, "/a/.": false, "/a/..;x/b": false, "/a\\b": false, "/a\x00": false, "/a\r\nb": false, "/a\x7f": false,
	} {
		if got := isPlain(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}

// Everything that is wrong is said at once, by route.
func TestRoutesThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`routes: []`:                                "routes must be 1 to 1000",
		`{}`:                                        "routes must be 1 to 1000",
		`routes: [{hosts: x}]`:                      `unknown field "hosts"`,
		`more: 1`:                                   `unknown field "more"`,
		`routes: [`:                                 "not YAML",
		`routes: [{show: Demo}]`:                    "route 1: show must match",
		`routes: [{host: "a:80"}]`:                  "route 1: host must be a name without port",
		`routes: [{host: "a/b"}]`:                   "route 1: host must be a name",
		`routes: [{path: tickets}]`:                 "route 1: path must be a plain prefix",
		`routes: [{path: /a/../b}]`:                 "route 1: path must be a plain prefix",
		`routes: [{path: "/a?b"}]`:                  "route 1: path must be a plain prefix",
		`routes: [{upstream: "ftp://x"}]`:           "route 1: upstream must be",
		`routes: [{upstream: "http://x/y"}]`:        "route 1: upstream must be",
		`routes: [{upstream: "http://a@x"}]`:        "route 1: upstream must be",
		`routes: [{bypass: [/a/]}]`:                 "route 1: bypass, dry_run, redis_away and grace_seconds mean nothing",
		`routes: [{show: a, bypass: ["*"]}]`:        "lets everything through",
		`routes: [{show: a, bypass: ["/"]}]`:        "lets everything through",
		`routes: [{show: a, bypass: ["[.css"]}]`:    "route 1: bypass",
		`routes: [{show: a, redis_away: maybe}]`:    "redis_away must be closed or open",
		`routes: [{show: a, grace_seconds: -1}]`:    "grace_seconds must be 0 to 86400",
		`routes: [{show: a, grace_seconds: 86401}]`: "grace_seconds must be 0 to 86400",
		`routes: [{timeout_seconds: 0}]`:            "timeout_seconds must be 1 to 3600",
		`routes: [{timeout_seconds: 3601}]`:         "timeout_seconds must be 1 to 3600",
		`routes: [{host: a, path: /x, show: a}, {host: A, path: /x/, show: b}]`: `route 2: host "a" and path "/x/" are those of route 1`,
		`routes: [{show: A}, {show: B}]`:                                        "route 2: show must match",
		`routes: [null]`:                                                        "route 1: is empty",
	} {
		_, err := ParseRoutes([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	many := strings.Repeat("{show: a},", mostRoutes+1)
	if _, err := ParseRoutes([]byte("routes: [" + many + "]")); err == nil {
		t.Error("one route too many is taken")
	}
	var most []string
	for i := range mostRoutes {
		most = append(most, fmt.Sprintf("{path: /%d}", i))
	}
	routesOf(t, "routes: ["+strings.Join(most, ",")+"]")
	routesOf(t, `routes: [{show: a, grace_seconds: 0, timeout_seconds: 1}, {path: /b, show: a, grace_seconds: 86400, timeout_seconds: 3600}]`)
}

func TestWhatHasNoUpstream(t *testing.T) {
	t.Parallel()
	if lacks := routesOf(t, `routes: [{upstream: "http://a"}, {host: b, path: /c, show: d}]`).WithoutUpstream(); lacks != "b/c" {
		t.Errorf("lacks %q", lacks)
	}
	if lacks := routesOf(t, `routes: [{upstream: "https://a:8443/"}]`).WithoutUpstream(); lacks != "" {
		t.Errorf("lacks %q", lacks)
	}
}

// Nobody is sent anywhere but to this show's shop.
func TestWhereOneMayGoBackTo(t *testing.T) {
	t.Parallel()
	g := &Gate{Options: Options{PublicURL: "http://queue.example:8080", Routes: routesOf(t, `
routes:
  - {host: shop.example, path: /a, show: a}
  - {host: shop.example, path: /b, show: b}
  - {host: shop.example}
  - {path: /any, show: a}
`)}}
	for to, want := range map[string]bool{
		"http://shop.example/a":               true,
		"https://shop.example:8443/a/1?x=y#z": true,
		"http://queue.example/any":            true,
		"http://queue.example:9000/any":       true,
		"http://evil.example/any":             false,
		"http://evil.example/a":               false,
		"http://shop.example/b":               false,
		"http://shop.example/":                false,
		"http://shop.example/ab":              false,
		"http://shop.example/a/../b":          false,
		"http://shop.example/a/%2e%2e/b":      false,
		"http://shop.example//a":              true,
		"http://shop.example@evil.example/a":  false,
		"http://evil@shop.example/a":          false,
		"//shop.example/a":                    false,
		"/a":                                  false,
		"":                                    false,
		"javascript:alert(1)":                 false,
		"ftp://shop.example/a":                false,
		"http:shop.example/a":                 false,
		"http://shop.example\\@evil/a":        false,
		"http://shop.example/a\r\nX: y":       false,
		"http://shop.example.evil.example/a":  false,
		"http://shop.example":                 false,
	} {
		if _, ok := g.Return("a", to); ok != want {
			t.Errorf("%q: %v, want %v", to, ok, want)
		}
	}
	g.PublicURL = "https://queue.example"
	if _, ok := g.Return("a", "http://shop.example/a"); ok {
		t.Error("from https somebody is sent back in the clear")
	}
}
