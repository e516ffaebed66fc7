//go:build scale

package scale

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// balancer is nginx with the shipped configuration.
type balancer struct {
	t         *testing.T
	url       string
	args      []string
	upstreams string
}

func (s *site) behindNginx() *balancer {
	t := s.t
	t.Helper()
	listen, dir := testenv.FreeAddress(t), filepath.Join(t.TempDir(), "nginx")
	must(t, os.CopyFS(dir, os.DirFS("../nginx")))
	for file, change := range map[string][2]string{
		"frontrow.conf": {"listen 80;", "listen " + listen + ";"}, "nginx.conf": {"/run/nginx.pid", dir + "/pid"},
	} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		must(t, err)
		text := strings.ReplaceAll(strings.Replace(string(raw), change[0], change[1], 1), "/var/cache/nginx", dir)
		must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	b := &balancer{t: t, url: "http://" + listen, upstreams: filepath.Join(dir, "upstream.conf")}
	rest := "daemon off;"
	if os.Geteuid() == 0 {
		rest += " user root;" // whose the directories of this test are
	}
	b.args = []string{"-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-g", rest}
	b.sends(s.gateways...)
	testenv.Start(t, testenv.Program{Name: testenv.Find(t, "nginx"), Args: b.args, Answers: func() error { return ok(b.url + "/v1/shows") }})
	return b
}

// sends writes down which gateways there are.
func (b *balancer) sends(gateways ...*gateway) {
	b.t.Helper()
	var lines []string
	for _, g := range gateways {
		lines = append(lines, fmt.Sprintf("server %s max_fails=1 fail_timeout=2s;", strings.TrimPrefix(g.url, "http://")))
	}
	must(b.t, os.WriteFile(b.upstreams, []byte("upstream frontrow {\n"+strings.Join(lines, "\n")+"\nkeepalive 256;\n}\n"), 0o600))
}

// reload has nginx read it.
func (b *balancer) reload() {
	b.t.Helper()
	nginx := &site{t: b.t, binary: testenv.Find(b.t, "nginx")}
	if out, err := nginx.runs(os.Environ(), append(b.args, "-s", "reload")...); err != nil {
		b.t.Fatalf("reload nginx: %v\n%s", err, out)
	}
}

// Two gateways become four and two again while a crowd buys through nginx: one of the old is
// killed, the other told to stop. Nobody loses a place, and those that are left agree.
func TestGatewaysComeAndGo(t *testing.T) {
	s := open(t, testenv.OwnRedis(t).URL(), testenv.OwnMySQL(t).DSN(), 0)
	const drain = "FRONTROW_DRAIN=3s"
	proxied := "FRONTROW_TRUSTED_PROXIES=127.0.0.1"
	for range 2 {
		s.serve(drain, proxied)
	}
	old := s.gateways
	s.sells(300, "sale", "beside")
	b := s.behindNginx()
	crowd := s.comes(300, "sale", b.url)
	s.isUnderWay("sale", 5)
	p := s.probes("beside", b.url)

	began := time.Now()
	for range 2 {
		s.serve(drain, proxied)
	}
	b.sends(s.gateways...)
	b.reload()
	figure("Gateways, two more under load: ready and in nginx", "after %s", seconds(time.Since(began)))

	old[0].Kill()
	began = time.Now()
	old[1].Stop()
	s.gateways = s.gateways[2:]
	b.sends(s.gateways...)
	b.reload()
	figure("Gateways, of four one killed and one stopped by SIGTERM, which drained and ended", "after %s", seconds(time.Since(began)))
	s.agree("beside")
	crowd.isPlayed()
	figure("… through nginx nobody could join", "for %s at most", seconds(p.ends()))
	s.verified(s.dsn)
	s.nobodyShares(s.dsn)
}

// agree joins a show whose line stands, and wants the same place of every gateway.
func (s *site) agree(show string) {
	t := s.t
	t.Helper()
	var any any
	must(t, asks("POST", s.gateways[0].url+"/v1/admin/shows/"+show+"/pause", nil, &any))
	response, err := client.Post(s.gateways[0].url+"/v1/shows/"+show+"/queue", "", nil)
	must(t, err)
	defer response.Body.Close()
	var place struct{ Token string }
	must(t, json.NewDecoder(response.Body).Decode(&place))
	poll := func(url string) (state string) {
		request, err := http.NewRequest("GET", url+"/v1/shows/"+show+"/queue", nil)
		must(t, err)
		request.Header.Set("Authorization", "Bearer "+place.Token)
		response, err := client.Do(request)
		must(t, err)
		defer response.Body.Close()
		var status struct {
			State    string
			Position int
		}
		must(t, json.NewDecoder(response.Body).Decode(&status))
		return fmt.Sprint(status.State, " at ", status.Position)
	}
	var first, second string
	testenv.Wait(t, 20*time.Second, func() bool {
		first, second = poll(s.gateways[0].url), poll(s.gateways[1].url)
		return first == second && strings.HasPrefix(first, "waiting")
	}, "the gateways do not agree on a place: %s", lazily(func() string { return first + ", " + second }))
}

// lazily is a text that is made when it is printed.
type lazily func() string

func (l lazily) String() string { return l() }

// The schema goes one version ahead while the gateways of this one sell: they go on, and one
// that starts meanwhile serves too.
func TestTheSchemaGoesAhead(t *testing.T) {
	s := open(t, testenv.OwnRedis(t).URL(), testenv.OwnMySQL(t).DSN(), 1)
	s.sells(100, "sale")
	crowd := s.comes(100, "sale", s.urls()...)
	s.isUnderWay("sale", 3)
	db, err := sql.Open("mysql", s.dsn)
	must(t, err)
	defer db.Close()
	for _, statement := range []string{ // as a later version's migration may be: it only adds
		"CREATE TABLE later (id VARCHAR(26) NOT NULL PRIMARY KEY)",
		"ALTER TABLE orders ADD COLUMN later VARCHAR(26) NOT NULL DEFAULT ''",
		"ALTER TABLE holds ADD COLUMN later BIGINT NULL",
		"ALTER TABLE seats ADD COLUMN later BIGINT NOT NULL DEFAULT 0",
		"INSERT INTO goose_db_version (version_id, is_applied) SELECT MAX(version_id) + 1, true FROM goose_db_version AS g",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		must(t, err)
	}
	s.serve()
	s.must("migrate") // by a machine that has this version still
	late := s.comes(50, "sale", s.gateways[1].url)
	crowd.isPlayed()
	late.isPlayed()
	s.verified(s.dsn)
}
