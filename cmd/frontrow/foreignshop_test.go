//go:build deploy

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// program runs a program until the test ends; its address answers by then.
func program(t *testing.T, address, name string, args ...string) *syncBuffer {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("no %s to test with: scripts/setup.sh shop installs it", name)
	}
	logs := &syncBuffer{}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "NO_COLOR=1", "FORCE_COLOR=0")
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	testenv.Wait(t, 20*time.Second, func() bool {
		r, err := client.Get("http://" + address + "/")
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	}, "%s does not start: %s", name, logs)
	return logs
}

// shipped is a configuration of deploy/, with other addresses in it.
func shipped(t *testing.T, path string, replace ...string) string {
	t.Helper()
	raw, err := os.ReadFile("../../deploy/" + path)
	must(t, err)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(raw), replace[i]) {
			t.Fatalf("deploy/%s has no %q", path, replace[i])
		}
	}
	return strings.NewReplacer(replace...).Replace(string(raw))
}

// nginxBefore stands nginx before a shop, as deploy/nginx/shop.conf does.
func nginxBefore(t *testing.T, shop, gateway string) string {
	t.Helper()
	at, dir := testenv.FreeAddress(t), t.TempDir()
	conf := shipped(t, "nginx/shop.conf", "listen 80;", "listen "+at+";", "127.0.0.1:3000", shop, "127.0.0.1:8080", gateway)
	conf = "daemon off; master_process off; pid " + dir + "/pid; error_log stderr;\nevents {}\nhttp { access_log off;\n" +
		"client_body_temp_path " + dir + "/b; proxy_temp_path " + dir + "/p; fastcgi_temp_path " + dir + "/f; uwsgi_temp_path " + dir + "/u; scgi_temp_path " + dir + "/s;\n" + conf + "}\n"
	path := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(path, []byte(conf), 0o600))
	program(t, at, "nginx", "-p", dir, "-c", path)
	return at
}

// caddyBefore does so with Caddy.
func caddyBefore(t *testing.T, shop, gateway string) string {
	t.Helper()
	at, path := testenv.FreeAddress(t), filepath.Join(t.TempDir(), "Caddyfile")
	conf := shipped(t, "caddy/Caddyfile", "http://shop.example {", "http://shop.example:"+portOf(at)+" {\n\tbind 127.0.0.1\n", "127.0.0.1:3000", shop, "127.0.0.1:8080", gateway)
	must(t, os.WriteFile(path, []byte("{\n\tadmin off\n\tauto_https off\n}\n"+conf), 0o600))
	program(t, at, "caddy", "run", "--config", path, "--adapter", "caddyfile")
	return at
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

var logged = regexp.MustCompile(`(?:GET|POST|HEAD) (/\S*)`)

// The shop is json-server, as npm has it, and says itself what reached it.
func TestAShopThatNobodyHereWrote(t *testing.T) {
	t.Parallel()
	for way, people := range map[string]int{"nginx": 1000, "proxy": 1000, "caddy": 100} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			shop, data := testenv.FreeAddress(t), filepath.Join(t.TempDir(), "db.json")
			must(t, os.WriteFile(data, []byte(`{"concerts":[{"id":1,"title":"The Demo Tour"}]}`), 0o600))
			binary, err := filepath.Abs("../../.tools/shop/node_modules/json-server/lib/cli/bin.js")
			must(t, err)
			if _, err := os.Stat(binary); err != nil {
				t.Fatalf("no shop to test with: scripts/setup.sh shop installs it: %v", err)
			}
			log := program(t, shop, "node", binary, "--host", "127.0.0.1", "--port", portOf(shop), data)

			b, show := realBackend(t), fmt.Sprintf("t-%s-%x", way, time.Now().UnixNano()&0xffffffff)
			g := b.serve(t, withRoutes(t, map[string]any{"host": "shop.example", "show": show, "upstream": "http://" + shop, "bypass": []any{"*.css"}}))
			spec := testShow(way, map[string]any{"admit": 200, "interval_ms": 100, "max_active": 5000, "absence_seconds": 120}, 2)
			spec["show"] = show
			g.admin("POST", "/v1/admin/shows", spec).want(http.StatusCreated)
			g.opens(show)
			s := &shopfront{testGateway: g, show: show}
			front := g.proxy.listener.Addr().String()
			switch way {
			case "nginx":
				front = nginxBefore(t, shop, g.listener.Addr().String())
			case "caddy":
				front = caddyBefore(t, shop, g.listener.Addr().String())
			}
			open := agents(t, map[string]string{"shop.example:80": front, "queue.test:80": g.listener.Addr().String()})
			reached := func() (paths []string) {
				for _, m := range logged.FindAllStringSubmatch(log.String(), -1) {
					paths = append(paths, m[1])
				}
				return paths
			}

			const at = "http://shop.example"
			first := open()
			first.get(at+"/concerts/1?idle").wants(t, http.StatusOK)
			first.get(at+"/concerts/1?again").wants(t, http.StatusOK)
			if n := g.admitted(show); n != 1 {
				t.Errorf("somebody who came twice was let in %d times: the cookie does not come through", n)
			}
			s.shut()
			before := len(reached())
			everybody := make([]*agent, people)
			each := func(do func(i int, v *agent)) {
				var crowd sync.WaitGroup
				for from := range 16 {
					crowd.Go(func() {
						for i := from; i < people; i += 16 {
							do(i, everybody[i])
						}
					})
				}
				crowd.Wait()
			}
			link := func(i int) string { return fmt.Sprintf("/concerts/1?visitor=%d", i) }
			for i := range everybody {
				everybody[i] = open()
			}
			each(func(i int, v *agent) {
				if back := v.get(at+link(i)).waits(t, show); back != at+link(i) {
					t.Errorf("comes back to %s", back)
				}
			})
			spoof, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/concerts/1?spoofed", nil)
			must(t, err)
			for name, value := range map[string]string{
				"X-Original-URL": at + "/x.css", "X-Forwarded-Uri": "/x.css", "X-Original-Method": "GET", "X-Forwarded-Host": "shop.example", "X-Frontrow-Visitor": "me",
			} {
				spoof.Header.Set(name, value)
			}
			if a := open().send(spoof); a.StatusCode < 400 {
				t.Errorf("whoever spoofs headers is answered %d", a.StatusCode)
			}
			if paths := reached(); len(paths) != before {
				t.Fatalf("%d requests reached the shop, and nobody was let in: %v", len(paths)-before, paths[before:])
			}
			first.get(at+"/concerts/1?inside").wants(t, http.StatusOK)
			open().get(at+"/style.css").wants(t, http.StatusOK)
			before = len(reached())

			s.rules(map[string]any{"paused": false})
			each(func(i int, v *agent) {
				v.isLetIn(show)
				if a := v.comesBack(show, at+link(i)); a.StatusCode != http.StatusOK || !strings.Contains(a.text, "The Demo Tour") {
					t.Errorf("visitor %d came back to %d %s", i, a.StatusCode, a.text)
				}
			})
			testenv.Wait(t, 10*time.Second, func() bool { return len(reached()) >= before+people }, "the shop's log has %d lines", len(reached()))
			seen := map[string]int{}
			for _, path := range reached()[before:] {
				seen[path]++
			}
			for i := range people {
				if n := seen[link(i)]; n != 1 {
					t.Errorf("the shop has seen visitor %d %d times", i, n)
				}
			}
			if len(seen) != people {
				t.Errorf("the shop has seen %d different requests of %d people", len(seen), people)
			}
			g.verifies(show)
		})
	}
}

// admitted is how many were ever let in, as Redis has it.
func (g *testGateway) admitted(show string) int {
	g.t.Helper()
	n, err := g.redis.HGet(g.t.Context(), "fr:{"+show+"}:room", "admitted").Int()
	must(g.t, err)
	return n
}
