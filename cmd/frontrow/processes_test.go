package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// process is a gateway in a process of its own, with connections of its own.
type process struct {
	t      *testing.T
	binary string
	env    []string
	listen string
	cmd    *exec.Cmd
	logs   *syncBuffer
}

// start runs the binary on a backend, with more settings. It ends with the test.
func (b backend) start(t *testing.T, binary string, settings ...string) *process {
	t.Helper()
	p := &process{t: t, binary: binary, listen: testenv.FreeAddress(t)}
	p.env = []string{
		"FRONTROW_LISTEN=" + p.listen, "FRONTROW_REDIS_URL=" + b.redis, "FRONTROW_MYSQL_DSN=" + b.dsn, "FRONTROW_DATA_DIR=" + t.TempDir(),
		"FRONTROW_SECRET=" + testSecret, "FRONTROW_ADMIN_TOKEN=" + testAdmin, "FRONTROW_DEMO_CHARGES=true",
		"PATH=" + os.Getenv("PATH"),
	}
	p.env = append(p.env, settings...)
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) url() string { return "http://" + p.listen }

func (p *process) start() {
	p.t.Helper()
	p.starts("/readyz", []string{"serve"}, p.env)
}

// starts runs a command and waits until it answers.
func (p *process) starts(answers string, args, env []string) {
	p.t.Helper()
	p.logs = &syncBuffer{}
	p.cmd = exec.Command(p.binary, args...)
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = p.logs, p.logs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(p.t, p.cmd.Start())
	testenv.Wait(p.t, 20*time.Second, func() bool {
		r, err := client.Get(p.url() + answers)
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, "%s does not start: %s", args[0], p.logs)
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

func (p *process) admin(method, path string, body any) reply {
	p.t.Helper()
	return send(p.t, p.url(), call{method: method, path: path, body: body, bearer: testAdmin})
}

// show makes a show and waits until it is on sale on all of these.
func (p *process) show(spec map[string]any, others ...*process) string {
	p.t.Helper()
	show := spec["show"].(string)
	p.admin("POST", "/v1/admin/shows", spec).want(http.StatusCreated)
	p.onSale(show, others...)
	return show
}

func (p *process) onSale(show string, others ...*process) {
	p.t.Helper()
	for _, gateway := range append([]*process{p}, others...) {
		testenv.Wait(p.t, 20*time.Second, func() bool {
			seats := send(p.t, gateway.url(), call{method: "GET", path: "/v1/shows/" + show + "/seats/state"})
			stats := gateway.admin("GET", "/v1/admin/shows/"+show+"/stats", nil)
			return seats.status == http.StatusOK && stats.status == http.StatusOK
		}, "show %s does not open on %s: %s", show, gateway.url(), gateway.logs)
	}
}

func testShow(name string, admission map[string]any, seats int) map[string]any {
	rules := map[string]any{
		"claim_seconds": 60, "session_seconds": 600, "session_max_seconds": 900, "absence_seconds": 30, "return_seconds": 60,
		"polls_per_ten_seconds": 0, "seats_per_visitor_percent": 0,
	}
	for k, v := range admission {
		rules[k] = v
	}
	return map[string]any{
		"show": fmt.Sprintf("%s-%x", name, time.Now().UnixNano()&0xffffffff), "title": name, "phase": "open",
		"hold_seconds": 120, "max_seats": 4, "max_waiting": 0, "admission": rules, "sections": []any{section("A", 10_000, seats)},
	}
}

// simulates runs the command against gateways, and returns its exit code and output.
func simulates(t *testing.T, visitors int, show string, gateways ...*process) (int, string) {
	t.Helper()
	args := []string{"simulate", "--visitors", fmt.Sprint(visitors), "--admin-token", testAdmin}
	if show != "" {
		args = append(args, "--show", show)
	}
	for _, g := range gateways {
		args = append(args, "--url", g.url())
	}
	cmd := exec.CommandContext(t.Context(), testenv.Binary(t), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, testWriter{t}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// Two thousand visitors on the embedded default, and on real servers.
func TestSimulate(t *testing.T) {
	t.Parallel()
	binary := testenv.Binary(t)
	for name, at := range map[string]func(*testing.T) backend{
		"miniredis+sqlite": func(*testing.T) backend { return backend{} },
		"redis+mysql":      realBackend,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := simulates(t, 2000, "", at(t).start(t, binary))
			t.Log(out)
			if code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// An arena, two gateways, and one of them is killed half-way and comes back.
func TestSimulateThroughAKill(t *testing.T) {
	t.Parallel()
	b := realBackend(t)
	file := arenaFile(t)
	var out bytes.Buffer
	if code := run(t.Context(), []string{"seed", "--file", file, "--redis-url", b.redis, "--mysql-dsn", b.dsn}, &out, testWriter{t}); code != 0 {
		t.Fatal("seed failed")
	}
	t.Log(out.String())
	binary := testenv.Binary(t)
	stays, dies := b.start(t, binary), b.start(t, binary)
	stays.onSale("arena", dies)

	ctx, cancel := context.WithCancel(t.Context())
	var crash sync.WaitGroup
	crash.Go(func() {
		for ctx.Err() == nil && admitted(stays, "arena") < 700 {
			time.Sleep(100 * time.Millisecond)
		}
		dies.kill()
		time.Sleep(3 * time.Second)
		dies.start()
	})
	code, told := simulates(t, 2000, "arena", stays, dies)
	cancel()
	crash.Wait()
	t.Log(told)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(told, " 0 moved to another gateway") {
		t.Error("nobody noticed that a gateway died")
	}
	var verdict bytes.Buffer
	if code := run(t.Context(), []string{"verify", "--redis-url", b.redis, "--mysql-dsn", b.dsn}, &verdict, testWriter{t}); code != 0 {
		t.Errorf("verify: exit code %d: %s", code, verdict.String())
	}
}

func arenaFile(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/arena.yaml"
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	cmd := exec.Command("go", "run", "frontrow/scripts/hall", "-seats", "15000", "-show", "arena", "-admit", "50", "-max-active", "400",
		"-claim-seconds", "20", "-absence-seconds", "30") // who sleeps keeps nobody out for long
	cmd.Stdout, cmd.Stderr = file, testWriter{t}
	must(t, cmd.Run())
	return path
}

func admitted(p *process, show string) float64 {
	request, err := http.NewRequest(http.MethodGet, p.url()+"/v1/admin/shows/"+show+"/stats", nil)
	if err != nil {
		return 0
	}
	request.Header.Set("Authorization", "Bearer "+testAdmin)
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	var stats struct {
		Admitted float64 `json:"admitted"`
	}
	_ = json.NewDecoder(response.Body).Decode(&stats)
	return stats.Admitted
}

// A build without one of its guards is found out: the verdict can be trusted.
func TestBrokenBuildsTurnSimulateRed(t *testing.T) {
	t.Parallel()
	replace := func(old, now string) func(string) string {
		return func(src string) string { return strings.ReplaceAll(src, old, now) }
	}
	for name, test := range map[string]struct {
		file   string
		change func(string) string
		breaks string
	}{
		"without the cap":            {"queue/lua/admit.lua", replace("local vacant = r.max_active - active", "local vacant = 1000000"), "cap"},
		"without the fence":          {"booking/hold.go", replace("AND fence < ?", "AND ? > 0"), "sold-once"},
		"without the unique key":     {"booking/migrations/00004_orders.sql", replace("    PRIMARY KEY (show_id, seat)\n", "    CHECK (price >= 0)\n"), "sold-once"},
		"with a place for each join": {"queue/lua/join.lua", replace("place = holds(visitor)", "place = nil"), "one-place"},
		"with passes that last": {"api/holds.go", func(src string) string {
			src = strings.ReplaceAll(src, "room.PinFor(ctx, pass, pinMoment)\n\tif err != nil {", "room.PinFor(ctx, pass, pinMoment)\n\tif false {")
			return strings.ReplaceAll(src, "pass.Number, pin.Max", "pass.Number, 1<<62")
		}, "pass-needed"},
		"without a way back": {"queue/lua/resolve.lua", replace("return back(visitor, number, how == 'missed' and 1 or 0)", "return 'expired', number, 0"), "place-survives"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			binary := testenv.BinaryWith(t, map[string]func(string) string{test.file: test.change})
			for name, b := range map[string]backend{"embedded": {}} {
				code, out := simulates(t, 200, "", b.start(t, binary))
				if code != 1 || !strings.Contains(out, test.breaks+strings.Repeat(" ", 16-len(test.breaks))+"BROKEN") {
					t.Errorf("%s: exit code %d, want 1 with %s broken:\n%s", name, code, test.breaks, out)
				}
			}
		})
	}
}

// Eight gateways in processes of their own let people in as one would.
// Not beside other tests: they would starve each other.
func TestEightGatewaysAdmitAsOne(t *testing.T) {
	b := realBackend(t)
	binary := testenv.Binary(t)
	gateways := make([]*process, 8)
	for i := range gateways {
		gateways[i] = b.start(t, binary)
	}
	show := gateways[0].show(testShow("eight", map[string]any{"admit": 10, "interval_ms": 1000, "max_active": 10_000}, 10), gateways[1:]...)
	const people = 400
	var joins sync.WaitGroup
	for i := range people {
		joins.Go(func() {
			send(t, gateways[i%len(gateways)].url(), call{method: "POST", path: "/v1/shows/" + show + "/queue"}).want(http.StatusCreated)
		})
	}
	joins.Wait()
	before := admitted(gateways[0], show)
	start := time.Now()
	testenv.Wait(t, 60*time.Second, func() bool { return admitted(gateways[1], show) >= before+200 }, "nobody is let in")
	g := b.serve(t) // reads the books
	testenv.Wait(t, 10*time.Second, func() bool {
		rows, err := g.store.Admissions(t.Context(), show, 1)
		must(t, err)
		var sum int64
		for _, row := range rows {
			sum += row.Count
		}
		return float64(sum) >= before+200
	}, "the ledger is behind")
	rows, err := g.store.Admissions(t.Context(), show, 1)
	must(t, err)
	full, first, last := 0, int64(0), int64(0)
	for _, row := range rows {
		if row.Count == row.Admit {
			if full++; first == 0 {
				first = row.At
			}
			last = row.At
		}
	}
	intervals := float64(last-first)/1e6 + 1
	t.Logf("%d full admissions in %.2f intervals of a second, %d rows; 200 people in %.1f s", full, intervals, len(rows), time.Since(start).Seconds())
	if float64(full) < 0.98*intervals {
		t.Errorf("%d admissions in %.2f intervals: more than 2%% lost", full, intervals)
	}
	g.verifies(show)
}

// Five hundred want one seat: one gets it, and the database hears of that one alone.
// Not beside other tests: they would starve each other.
func TestFiveHundredWantOneSeat(t *testing.T) {
	server := testenv.OwnMySQL(t)
	b := backend{redis: testenv.Redis(t), dsn: server.DSN()}
	b.migrate(t)
	binary := testenv.Binary(t)
	gateways := []*process{b.start(t, binary), b.start(t, binary)}
	const people = 500
	show := gateways[0].show(testShow("one-seat", map[string]any{"admit": people, "interval_ms": 100, "max_active": people}, 3), gateways[1])

	passes := make([]string, people)
	var enters sync.WaitGroup
	for i := range passes {
		enters.Go(func() { passes[i] = entersAt(t, gateways[i%2], show) })
	}
	enters.Wait()
	db, err := openDatabase(t.Context(), b.dsn)
	must(t, err)
	defer closeDatabase(db)
	must(t, db.Exec("SET GLOBAL log_output = 'TABLE'").Error)
	must(t, db.Exec("SET GLOBAL general_log = ON").Error)

	statuses := make(chan int, people)
	for i, pass := range passes {
		go func() {
			status := 0
			defer func() { statuses <- status }() // also when the request fails the test
			status = send(t, gateways[i%2].url(), call{
				method: "POST", path: "/v1/shows/" + show + "/holds", bearer: pass, body: map[string]any{"seats": []string{"A-1-2"}},
			}).status
		}()
	}
	counts := map[int]int{}
	for range people {
		counts[<-statuses]++
	}
	must(t, db.Exec("SET GLOBAL general_log = OFF").Error)
	if counts[http.StatusCreated] != 1 || counts[http.StatusConflict] != people-1 {
		t.Errorf("answers %v, want one 201 and %d 409", counts, people-1)
	}
	var log []struct{ ThreadID, Argument string }
	must(t, db.Raw("SELECT thread_id, CONVERT(argument USING utf8mb4) AS argument FROM mysql.general_log WHERE command_type = 'Query' ORDER BY event_time").Scan(&log).Error)
	transactions, holds := 0, 0
	for _, entry := range log {
		statement := strings.ToLower(entry.Argument)
		if strings.Contains(statement, "insert into `holds`") {
			holds++
		}
		if strings.HasPrefix(statement, "update seats set state = 'held'") {
			transactions++
		}
	}
	if holds != 1 || transactions != 1 {
		t.Errorf("the database saw %d holds and %d takings of seats, want 1 and 1", holds, transactions)
	}
}

// entersAt joins at a gateway and waits to be let in; it returns the pass.
func entersAt(t *testing.T, p *process, show string) (pass string) {
	t.Helper()
	path := "/v1/shows/" + show + "/queue"
	token := send(t, p.url(), call{method: "POST", path: path}).want(http.StatusCreated).text("token")
	testenv.Wait(t, 30*time.Second, func() bool {
		pass = send(t, p.url(), call{method: "GET", path: path, bearer: token}).want(http.StatusOK).text("pass")
		return pass != ""
	}, "not let in")
	return pass
}

// Polling as fast as the gateway can answer costs Redis what leaving it idle costs.
// Not beside other tests: they would starve each other.
func TestPollingCostsRedisNothing(t *testing.T) {
	server := testenv.OwnRedis(t)
	b := backend{redis: server.URL(), dsn: testenv.MySQL(t)}
	b.migrate(t)
	p := b.start(t, testenv.Binary(t))
	show := p.show(testShow("polls", map[string]any{
		"admit": 0, "interval_ms": 1000, "max_active": 10,
		"absence_seconds": 3600, // who comes back from absence costs a script, and a thousand joins may take a while
	}, 10))
	path := "/v1/shows/" + show + "/queue"
	const askers = 8
	tokens := make([]string, 1000)
	var joins sync.WaitGroup
	for w := range askers {
		joins.Go(func() {
			for i := w; i < len(tokens); i += askers {
				tokens[i] = send(t, p.url(), call{method: "POST", path: path}).text("token")
			}
		})
	}
	joins.Wait()
	time.Sleep(2 * time.Second) // the view knows everybody, the rush of joins is over

	const over = 10 * time.Second
	idle := commandsASecond(t, server.URL(), over)
	ctx, stop := context.WithTimeout(t.Context(), 10*over)
	defer stop()
	var polls sync.WaitGroup
	var asked [askers]atomic.Int64
	for w := range askers {
		polls.Go(func() {
			for i := w; ctx.Err() == nil; i += askers {
				request, _ := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+path, nil)
				request.Header.Set("Authorization", "Bearer "+tokens[i%len(tokens)])
				if response, err := client.Do(request); err == nil {
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
					asked[w].Add(1)
				}
			}
		})
	}
	count := func() (sum int64) {
		for w := range asked {
			sum += asked[w].Load()
		}
		return sum
	}
	// On a busy machine some count as absent by now; who comes back costs a script, once.
	testenv.Wait(t, over, func() bool {
		for w := range asked {
			if asked[w].Load() < int64(len(tokens)/askers) {
				return false
			}
		}
		return true
	}, "not everybody has polled")
	before := count()
	busy := commandsASecond(t, server.URL(), over)
	sum := count() - before
	stop()
	polls.Wait()
	t.Logf("commands a second: %.1f idle, %.1f with %d polls", idle, busy, sum)
	if idle > 10 || busy > 10 || busy > idle+1 || busy < idle-1 {
		t.Errorf("commands a second: %.1f idle, %.1f polled; want at most 10, and the same within 1", idle, busy)
	}
	if sum < int64(len(tokens)) { // one each, however busy the machine is
		t.Errorf("only %d polls: that shows nothing", sum)
	}
}

// commandsASecond counts what Redis is sent in a second, by its own MONITOR; what scripts
// do inside is marked there and not counted.
func commandsASecond(t *testing.T, url string, over time.Duration) float64 {
	t.Helper()
	address := strings.TrimSuffix(strings.TrimPrefix(url, "redis://"), "/0")
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("MONITOR\r\n"))
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(over)))
	n := 0
	for scanner := bufio.NewScanner(conn); scanner.Scan(); {
		if line := scanner.Text(); strings.Contains(line, "[0 ") && !strings.Contains(line, "[0 lua]") {
			n++
		}
	}
	return float64(n) / over.Seconds()
}
