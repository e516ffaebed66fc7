//go:build scale

// Package scale has tests alone, of what stands on more than one machine: a Redis Cluster,
// Sentinels, a database of several nodes, and gateways that come and go. All of it is
// processes of this machine, from its packages; what dies is killed while a crowd buys, and
// afterwards every invariant must hold. `make scale` runs them and prints what
// docs/scaling.md shows.
package scale

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"frontrow/internal/hall"
	"frontrow/internal/testenv"
	"frontrow/queue"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const (
	admin  = "the-operator-of-the-tests"
	secret = "c2NhbGVzY2FsZXNjYWxlc2NhbGVzY2FsZXNjYWxlc2NhbGVz"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// figure prints a row of the table in docs/scaling.md.
func figure(what, came string, args ...any) {
	fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(came, args...))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// site is an installation: gateways on a Redis and a database.
type site struct {
	t          *testing.T
	binary     string
	redis, dsn string
	gateways   []*gateway
}

// gateway is one process that serves.
type gateway struct {
	*testenv.RunningProgram
	url string
}

// open migrates the database and starts gateways.
func open(t *testing.T, redis, dsn string, gateways int) *site {
	t.Helper()
	s := &site{t: t, binary: testenv.Binary(t), redis: redis, dsn: dsn}
	s.must("migrate")
	for range gateways {
		s.serve()
	}
	return s
}

func (s *site) env(more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "FRONTROW_REDIS_URL=" + s.redis, "FRONTROW_MYSQL_DSN=" + s.dsn,
		"FRONTROW_SECRET=" + secret, "FRONTROW_ADMIN_TOKEN=" + admin, "FRONTROW_DEMO_CHARGES=true", "FRONTROW_UNPROVEN_PER_ADDRESS=0",
	}, more...)
}

// serve starts one more gateway, with more settings, and waits until it is ready.
func (s *site) serve(settings ...string) {
	s.t.Helper()
	listen := testenv.FreeAddress(s.t)
	g := &gateway{url: "http://" + listen}
	g.RunningProgram = testenv.Start(s.t, testenv.Program{
		Name: s.binary, Args: []string{"serve"}, Env: s.env(append([]string{"FRONTROW_LISTEN=" + listen}, settings...)...),
		Answers: func() error { return ok(g.url + "/readyz") },
	})
	s.gateways = append(s.gateways, g)
}

func (s *site) urls() (urls []string) {
	for _, g := range s.gateways {
		urls = append(urls, g.url)
	}
	return urls
}

// runs runs a command of the binary.
func (s *site) runs(env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), s.binary, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *site) must(args ...string) {
	s.t.Helper()
	if out, err := s.runs(s.env(), args...); err != nil {
		s.t.Fatalf("frontrow %s: %v\n%s", args[0], err, out)
	}
}

// verified runs `frontrow verify`, which must find nothing, on the database as this DSN
// reaches it.
func (s *site) verified(dsn string) {
	s.t.Helper()
	if out, err := s.runs(s.env("FRONTROW_MYSQL_DSN="+dsn), "verify"); err != nil || !strings.HasPrefix(out, "no violation of") {
		s.t.Errorf("verify: %v\n%s", err, out)
	}
}

var client = &http.Client{Timeout: 5 * time.Second}

func ok(url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

// asks asks with the operator's token and reads JSON.
func asks(method, url string, body, into any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+admin)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, url, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// sells makes shows for so many visitors each, and waits until all gateways sell them.
func (s *site) sells(visitors int, shows ...string) {
	s.t.Helper()
	sections, err := hall.Arena(visitors)
	must(s.t, err)
	for _, show := range shows {
		var made any
		must(s.t, asks("POST", s.gateways[0].url+"/v1/admin/shows", map[string]any{
			"show": show, "title": "Scale", "venue": "Nowhere", "phase": "open", "hold_seconds": 120, "max_seats": 4,
			"admission": map[string]any{
				"admit": visitors / 35, "interval_ms": 500, "max_active": 4 * visitors / 35, "claim_seconds": 10, "session_seconds": 120,
				"session_max_seconds": 300, "absence_seconds": 10, "return_seconds": 120, "polls_per_ten_seconds": 0,
			},
			"sections": sections,
		}, &made))
		for _, url := range s.urls() {
			testenv.Wait(s.t, 20*time.Second, func() bool {
				var stats any
				return ok(url+"/v1/shows/"+show+"/seats/state") == nil && asks("GET", url+"/v1/admin/shows/"+show+"/stats", nil, &stats) == nil
			}, "show %s does not open at %s", show, url)
		}
	}
}

// crowd is one `frontrow simulate` under way.
type crowd struct {
	site *site
	show string
	done chan struct{}
	out  string
	err  error
}

// mix is who comes: those who sleep for minutes stay at home.
const mix = "patient=70,impatient=8,many-tabs=8,changes-seats=8,walks-out=3,no-show=3"

// comes plays visitors on a show, against these addresses.
func (s *site) comes(visitors int, show string, urls ...string) *crowd {
	c := &crowd{site: s, show: show, done: make(chan struct{})}
	args := []string{"simulate", "--visitors", fmt.Sprint(visitors), "--show", show, "--mix", mix, "--admin-token", admin, "--within", "4m"}
	for _, url := range urls {
		args = append(args, "--url", url)
	}
	go func() {
		defer close(c.done)
		c.out, c.err = s.runs(s.env(), args...)
	}()
	return c
}

// isPlayed waits until everybody has gone, and wants every invariant to have held.
func (c *crowd) isPlayed() {
	c.site.t.Helper()
	<-c.done
	if c.err != nil || !strings.Contains(c.out, "sold-once") || strings.Contains(c.out, "BROKEN") {
		c.site.t.Errorf("the crowd on %s: %v\n%s", c.show, c.err, c.out)
	}
}

func (s *site) stats(show string) (stats struct{ Waiting, Admitted, Finished int }, err error) {
	for _, url := range s.urls() {
		if err = asks("GET", url+"/v1/admin/shows/"+show+"/stats", nil, &stats); err == nil {
			return stats, nil
		}
	}
	return stats, err
}

// isUnderWay waits until some have bought and many wait.
func (s *site) isUnderWay(show string, bought int) {
	s.t.Helper()
	testenv.Wait(s.t, 30*time.Second, func() bool {
		stats, err := s.stats(show)
		return err == nil && stats.Finished >= bought
	}, "nobody buys on %s", show)
}

// probe joins a show over and over, each time as somebody new, and knows how long nobody
// could, and every number that was handed out.
type probe struct {
	site    *site
	stop    chan struct{}
	done    sync.WaitGroup
	gap     time.Duration // the longest time between two joins
	numbers map[int64]int
}

// joinEvery is how often a probe joins.
const joinEvery = 50 * time.Millisecond

func (s *site) probes(show string, urls ...string) *probe {
	s.t.Helper()
	keys, err := queue.NewKeyring(secret)
	must(s.t, err)
	p := &probe{site: s, stop: make(chan struct{}), numbers: map[int64]int{}}
	if len(urls) == 0 {
		urls = s.urls()
	}
	quick := &http.Client{Timeout: time.Second}
	p.done.Go(func() {
		last := time.Now()
		for i := 0; ; i++ {
			select {
			case <-p.stop:
				p.gap = max(p.gap, time.Since(last))
				return
			case <-time.After(joinEvery):
			}
			response, err := quick.Post(urls[i%len(urls)]+"/v1/shows/"+show+"/queue", "", nil)
			if err != nil {
				continue
			}
			var place struct{ Token, Code string }
			err = json.NewDecoder(response.Body).Decode(&place)
			response.Body.Close()
			given := response.StatusCode == http.StatusCreated
			if err != nil || !given && place.Code != "sold_out" { // which a queue says that works
				continue
			}
			p.gap, last = max(p.gap, time.Since(last)), time.Now()
			if !given {
				continue
			}
			if token, err := keys.ParseToken(place.Token); err == nil {
				p.numbers[token.Number]++
			}
		}
	})
	return p
}

// ends stops the probe; no number was handed out twice.
func (p *probe) ends() time.Duration {
	p.site.t.Helper()
	close(p.stop)
	p.done.Wait()
	if len(p.numbers) == 0 {
		p.site.t.Error("nobody joined")
	}
	for number, times := range p.numbers {
		if times > 1 {
			p.site.t.Errorf("number %d was handed out %d times", number, times)
		}
	}
	return p.gap
}

// nobodyShares wants every number of a hold to be of one visitor, and every seat that was
// sold to be of one order.
func (s *site) nobodyShares(dsn string) {
	s.t.Helper()
	config, err := mysql.ParseDSN(dsn)
	must(s.t, err)
	connector, err := mysql.NewConnector(config)
	must(s.t, err)
	db := sql.OpenDB(connector)
	defer db.Close()
	var shared int
	must(s.t, db.QueryRow(`SELECT COUNT(*) FROM (SELECT show_id, number FROM holds GROUP BY show_id, number HAVING COUNT(DISTINCT visitor) > 1) AS shared`).Scan(&shared))
	if shared > 0 {
		s.t.Errorf("%d numbers are of several visitors", shared)
	}
}
