package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
	"frontrow/queue"
)

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// drawnByHand puts visitors in the order that seed and beacon say.
func drawnByHand(seed, beacon string, visitors []string) []string {
	type lot struct {
		hash    [sha256.Size]byte
		visitor string
	}
	lots := make([]lot, len(visitors))
	for i, v := range visitors {
		lots[i] = lot{sha256.Sum256([]byte(seed + beacon + v)), v}
	}
	slices.SortFunc(lots, func(a, b lot) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	order := make([]string, len(lots))
	for i, l := range lots {
		order[i] = l.visitor
	}
	return order
}

func inLobby(plan map[string]any, starts time.Time) func(map[string]any) {
	return func(spec map[string]any) {
		spec["phase"], spec["draw"], spec["starts_at"] = "lobby", plan, starts.UTC().Format(time.RFC3339Nano)
	}
}

// drawIs waits until the draw of a show has a state.
func (g *testGateway) drawIs(show, state string) reply {
	g.t.Helper()
	var r reply
	testenv.Wait(g.t, 20*time.Second, func() bool {
		r = g.do(call{method: "GET", path: "/v1/shows/" + show + "/draw"})
		return r.status == http.StatusOK && r.text("state") == state
	}, "the draw does not become %s", state)
	return r
}

func (g *testGateway) visitor(token string) string {
	g.t.Helper()
	t, err := g.api.Keys.ParseToken(token)
	must(g.t, err)
	return t.Visitor
}

// The whole draw, as visitors and the operator see it.
func TestADrawFromTheCommitmentToTheList(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(inLobby(map[string]any{"beacon": "drand, round 4711"}, time.Now().Add(time.Hour)))
		path := "/v1/shows/" + show
		list := func(query string) reply { return g.do(call{method: "GET", path: path + "/draw/list" + query}) }
		committed := g.drawIs(show, "committed")
		if committed.text("beacon_source") != "drand, round 4711" {
			t.Errorf("committed %s", committed.body)
		}
		list("").problem(404, "not_found")
		g.admin("PUT", "/v1/admin/shows/"+show+"/draw/beacon", map[string]any{"value": "5e1c"}).problem(409, "beacon_not_due")

		guests := make([]*guest, 12)
		var ids []string
		for i := range guests {
			guests[i] = g.joins(show)
			ids = append(ids, g.visitor(guests[i].token))
		}
		if r := guests[0].poll().want(200); r.text("state") != "lobby" || r.text("starts_at") == "" || r.number("poll_after_ms") > 10_000 {
			t.Errorf("in the lobby: %s", r.body)
		}
		again := g.do(call{method: "POST", path: path + "/queue", bearer: guests[0].token}).want(200)
		if again.text("state") != "lobby" || g.visitor(again.text("token")) != ids[0] {
			t.Errorf("joining again: %s", again.body)
		}
		g.do(call{method: "DELETE", path: path + "/queue", bearer: guests[11].token}).want(204)
		ids = ids[:11]

		if phase := g.admin("POST", "/v1/admin/shows/"+show+"/open", nil).want(200).text("phase"); phase != "lobby" {
			t.Errorf("phase %s before the draw", phase)
		}
		frozen := g.drawIs(show, "frozen")
		if frozen.number("lobby_count") != 11 || frozen.text("commitment") != committed.text("commitment") {
			t.Errorf("frozen %s", frozen.body)
		}
		sorted := slices.Sorted(slices.Values(ids))
		if frozen.text("lobby_hash") != sha(strings.Join(sorted, "\n")+"\n") {
			t.Error("the lobby's hash is not that of its ids")
		}
		late := g.joins(show)
		if r := late.poll().want(200); r.text("state") != "waiting" || r.number("position") != 12 {
			t.Errorf("who is late: %s", r.body)
		}
		stored, err := g.store.Draw(t.Context(), show)
		must(t, err)
		for _, told := range []string{
			string(frozen.body), g.logs.String(), string(g.admin("GET", "/v1/admin/shows/"+show, nil).body),
			string(g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).body),
		} {
			if strings.Contains(told, stored.Seed) {
				t.Error("the seed is told before the draw")
			}
		}
		list("").problem(404, "not_found")
		g.admin("PUT", "/v1/admin/shows/"+show+"/draw/beacon", map[string]any{"value": "5e1c"}).want(200)
		drawn := g.drawIs(show, "drawn")
		g.admin("PUT", "/v1/admin/shows/"+show+"/draw/beacon", map[string]any{"value": "ffff"}).problem(409, "beacon_not_due")
		seed := drawn.text("seed")
		if sha(seed) != committed.text("commitment") || drawn.text("beacon") != "5e1c" {
			t.Errorf("drawn %s", drawn.body)
		}
		g.opens(show)
		want := drawnByHand(seed, "5e1c", ids)
		testenv.Wait(t, 10*time.Second, func() bool { return list("").status == 200 }, "no list")
		if got := string(list("?from=0&count=100000").want(200).body); got != strings.Join(want, "\n")+"\n" {
			t.Errorf("the list is\n%swant\n%s", got, strings.Join(want, "\n"))
		}
		if got := string(list("?from=9&count=1").want(200).body); got != want[9]+"\n" {
			t.Errorf("a part of the list: %q", got)
		}
		if got := string(list("?from=11").want(200).body); got != "" {
			t.Errorf("behind the end: %q", got)
		}
		for _, query := range []string{"?count=100001", "?count=0", "?from=-1", "?from=100000001", "?from=x"} {
			g.do(call{method: "GET", path: path + "/draw/list" + query, bad: true}).problem(422, "invalid")
		}
		late.is("admitted")
		for _, v := range guests[:11] {
			v.is("admitted")
		}
		g.verifies(show)
		if out := byHand(t, g.URL()+path); out != fmt.Sprintf("%s  -\n%[1]s\n%s  -\n%[2]s\nin order\n", drawn.text("commitment"), drawn.text("lobby_hash")) {
			t.Errorf("by hand:\n%s", out)
		}
		verify := func(args ...string) (int, string) {
			var out bytes.Buffer
			code := run(t.Context(), append([]string{"verify", "--draw", "--url", g.URL()}, args...), &out, testWriter{t})
			return code, out.String()
		}
		if code, out := verify("--show", show); code != 0 || out != "no violation of as-drawn\n" {
			t.Errorf("verify: exit code %d, %s", code, out)
		}
		if code, _ := verify(); code == 0 {
			t.Error("verify passes without a show")
		}
		if code, _ := verify("--show", "no-such-show"); code == 0 {
			t.Error("verify passes for no show")
		}
		if b.redis != "" {
			var out bytes.Buffer
			if code := run(t.Context(), []string{"verify", "--draw", "--show", show, "--redis-url", b.redis, "--mysql-dsn", b.dsn}, &out, testWriter{t}); code != 0 {
				t.Errorf("verify on the servers: exit code %d, %s", code, out.String())
			}
			must(t, g.db.Exec("UPDATE draws SET seed = commitment WHERE show_id = ?", show).Error)
			out.Reset()
			if code := run(t.Context(), []string{"verify", "--draw", "--show", show, "--redis-url", b.redis, "--mysql-dsn", b.dsn}, &out, testWriter{t}); code != 1 || !strings.Contains(out.String(), "as-drawn: show "+show) {
				t.Errorf("verify with another seed: exit code %d, %s", code, out.String())
			}
		}

		plain := g.show()
		g.do(call{method: "GET", path: "/v1/shows/" + plain + "/draw"}).problem(404, "not_found")
		g.admin("PUT", "/v1/admin/shows/"+plain+"/draw/beacon", map[string]any{"value": "5e1c"}).problem(404, "not_found")
	})
}

// byHand checks a draw as docs/draw.md says, and returns what the shell prints.
func byHand(t *testing.T, show string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/draw.md")
	must(t, err)
	_, rest, found := strings.Cut(string(page), "<!-- a test runs this -->\n```sh\n")
	script, _, ended := strings.Cut(rest, "```")
	at := "S=https://tickets.example/v1/shows/demo\n"
	if !found || !ended || !strings.HasPrefix(script, at) {
		t.Fatal("docs/draw.md has no commands to run")
	}
	cmd := exec.Command("sh", "-c", "S="+show+"\n"+strings.TrimPrefix(script, at))
	cmd.Dir = t.TempDir()
	cmd.Stderr = testWriter{t}
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("by hand: %v", err)
	}
	return string(out)
}

// crowdedLobby puts visitors into a show's lobby, as joins would one by one.
func crowdedLobby(t *testing.T, url, show string, n int) []string {
	t.Helper()
	options, err := redis.ParseURL(url)
	must(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	visitors := make([]string, n)
	for i := range visitors {
		visitors[i] = queue.NewVisitor()
	}
	for some := range slices.Chunk(visitors, 5000) {
		members := make([]redis.Z, len(some))
		for i, v := range some {
			members[i] = redis.Z{Score: 1.8e15, Member: v}
		}
		must(t, client.ZAdd(t.Context(), "fr:{"+show+"}:lobby", members...).Err())
	}
	return visitors
}

// room reads a field of a show's room.
func room(t *testing.T, client *redis.Client, show, field string) string {
	t.Helper()
	text, err := client.HGet(t.Context(), "fr:{"+show+"}:room", field).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatal(err)
	}
	return text
}

// line reads who waits, in order, and the number of the first.
func line(t *testing.T, client *redis.Client, show string) (visitors []string, first float64) {
	t.Helper()
	waiting, err := client.ZRangeWithScores(t.Context(), "fr:{"+show+"}:waiting", 0, -1).Result()
	must(t, err)
	for i, z := range waiting {
		if i == 0 {
			first = z.Score
		}
		if z.Score != first+float64(i) {
			t.Fatalf("number %.0f is at place %d behind %.0f", z.Score, i, first)
		}
		visitors = append(visitors, z.Member.(string))
	}
	return visitors, first
}

func (p *process) draw(show string) reply {
	p.t.Helper()
	return send(p.t, p.url(), call{method: "GET", path: "/v1/shows/" + show + "/draw"})
}

// lottery makes a show that is in its lobby, and waits for the commitment.
func (p *process) lottery() (show string) {
	p.t.Helper()
	spec := testShow("draw", map[string]any{"admit": 0, "absence_seconds": 3600}, 10)
	inLobby(map[string]any{}, time.Now().Add(time.Hour))(spec)
	show = spec["show"].(string)
	p.admin("POST", "/v1/admin/shows", spec).want(http.StatusCreated)
	testenv.Wait(p.t, 20*time.Second, func() bool { return p.draw(show).status == 200 }, "no commitment: %s", p.logs)
	return show
}

// A gateway is killed, or stopped and woken up, while it hands out numbers: another
// one finishes to the same order, and the one that wakes up undoes nothing.
func TestADrawSurvivesItsGateway(t *testing.T) {
	t.Parallel()
	// Few numbers a script, so that there is a middle to be caught in.
	binary := testenv.BinaryWith(t, map[string]func(string) string{
		"queue/drawer.go": func(src string) string { return strings.ReplaceAll(src, "numberPart = 1000", "numberPart = 5") },
	})
	for name, wakes := range map[string]bool{"killed": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := realBackend(t)
			options, err := redis.ParseURL(b.redis)
			must(t, err)
			client := redis.NewClient(options)
			defer client.Close()
			dies := b.start(t, binary)
			show := dies.lottery()
			visitors := crowdedLobby(t, b.redis, show, 50_000)
			dies.admin("POST", "/v1/admin/shows/"+show+"/open", nil).want(200)
			testenv.Wait(t, 30*time.Second, func() bool {
				cursor := room(t, client, show, "draw_cursor")
				return cursor != "" && cursor != "0"
			}, "no numbers: %s", dies.logs)
			if wakes {
				must(t, dies.cmd.Process.Signal(syscall.SIGSTOP))
			} else {
				dies.kill()
			}
			cursor := room(t, client, show, "draw_cursor")
			if room(t, client, show, "draw") != "frozen" {
				t.Fatal("the draw was over before its gateway was gone: nothing is shown")
			}
			stays := b.start(t, binary)
			testenv.Wait(t, 60*time.Second, func() bool { return room(t, client, show, "phase") == "open" }, "the draw is not finished: %s", stays.logs)
			seed := stays.draw(show).want(200).text("seed")
			want := drawnByHand(seed, "", visitors)
			got, first := line(t, client, show)
			if !slices.Equal(got, want) {
				t.Fatal("the order is another than seed and lobby say")
			}
			t.Logf("caught at %s of %d; the other finished from number %.0f on", cursor, len(visitors), first)
			if !wakes {
				return
			}
			must(t, dies.cmd.Process.Signal(syscall.SIGCONT))
			testenv.Wait(t, 20*time.Second, func() bool {
				r := dies.draw(show)
				return r.status == 200 && r.text("state") == "drawn" && send(t, dies.url(), call{method: "GET", path: "/v1/shows/" + show}).text("phase") == "open"
			}, "the woken gateway does not follow: %s", dies.logs)
			token := send(t, dies.url(), call{method: "POST", path: "/v1/shows/" + show + "/queue"}).want(201)
			if position := token.number("position"); position != int64(len(visitors))+1 {
				t.Errorf("position %d behind %d", position, len(visitors))
			}
			again, from := line(t, client, show)
			if !slices.Equal(again[:len(want)], want) || from != first {
				t.Error("the gateway that woke up has changed the order")
			}
		})
	}
}

// A million are drawn, and come for their numbers; a tenth of that under the race
// detector. The log says how long it took.
// Not beside other tests: they would starve each other.
func TestAMillionAreDrawn(t *testing.T) {
	people, asked := 1_000_000, 5_000
	if testenv.Race {
		people = 100_000
	}
	redisServer := testenv.OwnRedis(t)
	b := backend{redis: redisServer.URL(), dsn: testenv.MySQL(t)}
	b.migrate(t)
	options, err := redis.ParseURL(b.redis)
	must(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	p := b.start(t, testenv.Binary(t))
	show := p.lottery()
	visitors := crowdedLobby(t, b.redis, show, people)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	began := time.Now()
	p.admin("POST", "/v1/admin/shows/"+show+"/open", nil).want(200)
	last := ""
	for ctx.Err() == nil && room(t, client, show, "phase") != "open" {
		if now := room(t, client, show, "draw"); now != last {
			last = now
			t.Logf("%-8s after %.1f s", now, time.Since(began).Seconds())
		}
		time.Sleep(50 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Fatalf("not drawn within five minutes: %s", p.logs)
	}
	t.Logf("open     after %.1f s: %d drawn", time.Since(began).Seconds(), people)
	got, first := line(t, client, show)
	if !slices.Equal(got, drawnByHand(p.draw(show).text("seed"), "", visitors)) {
		t.Fatal("the order is another than seed and lobby say")
	}

	keys, err := queue.NewKeyring(testSecret)
	must(t, err)
	ran, asking := scriptsRun(t, client), time.Now()
	var slots [31]int
	var mu sync.Mutex
	var polls sync.WaitGroup
	for w := range 8 {
		polls.Go(func() {
			for rank := w; rank < asked; rank += 8 {
				at := rank * (people / asked)
				token := keys.Token(queue.Token{Show: show, Visitor: got[at], Epoch: 1, Generation: 1, Joined: began.Unix()})
				r := send(t, p.url(), call{method: "GET", path: "/v1/shows/" + show + "/queue", bearer: token}).want(200)
				now, err := keys.ParseToken(r.text("token"))
				if err != nil || now.Number != int64(first)+int64(at) || r.number("position") != int64(at)+1 {
					t.Errorf("rank %d: %s", at, r.body)
				}
				mu.Lock()
				slots[r.number("poll_after_ms")/1000]++
				mu.Unlock()
			}
		})
	}
	polls.Wait()
	ran = scriptsRun(t, client) - ran
	t.Logf("%d came for their numbers: %d scripts meanwhile; next polls by second: %v", asked, ran, slots)
	loops := int(5 * time.Since(asking).Seconds()) // on a busy machine the polls take a while, and loops go on
	if ran > asked/10+loops {
		t.Errorf("%d scripts for %d who came for their numbers", ran, asked)
	}
	if slices.Max(slots[:]) > asked/3 {
		t.Errorf("too many come again in one second: %v", slots)
	}
}

// scriptsRun is how many scripts a Redis has run that is the test's own.
func scriptsRun(t *testing.T, client *redis.Client) (n int) {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	must(t, err)
	for text := range strings.Lines(info) {
		if rest, ok := strings.CutPrefix(text, "cmdstat_evalsha:calls="); ok {
			_, _ = fmt.Sscanf(rest, "%d", &n)
		}
	}
	return n
}
