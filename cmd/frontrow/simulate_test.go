package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"frontrow/booking"
	"frontrow/internal/invariant"
	"frontrow/internal/simulate"
	"frontrow/internal/testenv"
)

// What simulate cannot do is said in one line, before anybody comes.
func TestWhatSimulateRefuses(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	closed, draft, open := g.show(), g.show(func(s map[string]any) { s["phase"] = "draft" }), g.show()
	g.admin("POST", "/v1/admin/shows/"+closed+"/close", nil).want(http.StatusOK)
	testenv.Wait(t, 5*time.Second, func() bool {
		s, ok := g.catalogue.Lookup(closed)
		return ok && s.Phase == booking.PhaseClosed
	}, "the show does not close")
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()

	const few = "--visitors=2 "
	here := " --url=" + g.URL() + " --admin-token=" + testAdmin
	for args, want := range map[string]string{
		"--visitors=0" + here:                                        "visitors must be from 1 to 200000",
		"--visitors=-1" + here:                                       "visitors must be from 1 to 200000",
		"--visitors=200001" + here:                                   "visitors must be from 1 to 200000",
		"--visitors=1000000000" + here:                               "visitors must be from 1 to 200000",
		"--visitors=200000 --url=http://127.0.0.1:1":                 "no gateway answers at http://127.0.0.1:1",
		"--visitors=1 --url=http://127.0.0.1:1":                      "no gateway answers at http://127.0.0.1:1",
		few + "--url=127.0.0.1:8080":                                 "is no address of a gateway",
		few + "--url=" + other.URL:                                   "is no gateway: GET /v1/shows gave 404",
		few + "--url=http://127.0.0.1:1" + here:                      "no gateway answers at http://127.0.0.1:1",
		few + "--show=nowhere" + here:                                "there is no show nowhere",
		few + "--show=" + draft + here:                               "there is no show " + draft,
		few + "--show=" + closed + here:                              "show " + closed + " is closed",
		few + "--url=" + g.URL() + " --admin-token=x":                "refuses the admin token",
		few + "--url=" + g.URL() + " --data-dir=/nowhere":            "there is no admin token",
		few + "--admin-token=x --show=" + open + " --url=" + g.URL(): "refuses the admin token",
		few + "--mix=patient=99" + here:                              "add up to 99",
		few + "--mix=people=100" + here:                              `no profile "people"`,
		few + "--within=0s" + here:                                   "more than nothing",
		few + "--within=-1s" + here:                                  "more than nothing",
	} {
		code, out, errOut := runs(t, append([]string{"simulate"}, strings.Fields(args)...)...)
		if code != 1 || out != "" || !strings.Contains(errOut, want) || strings.Count(errOut, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, want one line with %q", args, code, out+errOut, want)
		}
	}
	if n := len(simulated(g)); n > 0 {
		t.Errorf("%d shows were made all the same", n)
	}
}

// simulated are the shows that runs made and left.
func simulated(g *testGateway) []map[string]any {
	g.t.Helper()
	var left []map[string]any
	for _, show := range g.admin("GET", "/v1/admin/shows", nil).want(http.StatusOK).json()["shows"].([]any) {
		if s := show.(map[string]any); strings.HasPrefix(s["show"].(string), "sim-") {
			left = append(left, s)
		}
	}
	return left
}

func TestSimulateHelpNamesTheProfiles(t *testing.T) {
	t.Parallel()
	code, out, _ := runs(t, "simulate", "--help")
	if joined := strings.Join(strings.Fields(out), ""); code != 0 || !strings.Contains(joined, simulate.DefaultMix.String()) {
		t.Errorf("exit code %d, does not name %s:\n%s", code, simulate.DefaultMix, out)
	}
}

// judged plays one run on a gateway, whatever its exit code, and reads the JSON.
func judged(t *testing.T, g *testGateway, args ...string) (v simulate.Verdict) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), append([]string{"simulate", "--json", "--url", g.URL(), "--admin-token", testAdmin}, args...), &out, testWriter{t})
	if strings.Contains(out.String(), ": null") {
		t.Errorf("%v: a list that is none:\n%s", args, out.String())
	}
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	must(t, decoder.Decode(&v))
	if code != 0 {
		t.Errorf("%v: exit code %d: %v %v", args, code, v.Violations, v.Unexpected)
	}
	return v
}

// Each profile alone does what it is for, and breaks nothing.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for profile, test := range map[string]struct {
		visitors string
		did      func(simulate.Verdict) bool
	}{
		"patient": {"12", func(v simulate.Verdict) bool {
			return v.Outcomes["bought"] > 0 && v.ETA.Told > 0 && v.Fairness.Compared > 0
		}},
		"impatient": {"60", func(v simulate.Verdict) bool { return v.Outcomes["left the line"] > 0 }},
		"sleeping-phone": {"40", func(v simulate.Verdict) bool {
			return v.Outcomes["bought"] > 0 && v.Seconds > 12 && v.Fairness.Compared == 0
		}},
		"many-tabs": {"12", func(v simulate.Verdict) bool { return v.Outcomes["bought"] > 0 && seen(v, invariant.OnePlace) }},
		"bot": {"2", func(v simulate.Verdict) bool {
			return v.Outcomes["bought"] > 0 && v.Bots.Places == 20 && v.Bots.Replays > 0 && v.Bots.Replays <= 982 && seen(v, invariant.PassNeeded)
		}},
		"changes-seats": {"8", func(v simulate.Verdict) bool { return v.Outcomes["bought"] > 0 && !seen(v, invariant.PassNeeded) }},
		"walks-out":     {"8", func(v simulate.Verdict) bool { return v.Outcomes["left from inside"] == 8 }},
		"no-show":       {"40", func(v simulate.Verdict) bool { return v.Outcomes["never came back"] > 0 }},
		"pusher":        {"12", func(v simulate.Verdict) bool { return v.Outcomes["bought"] > 0 && seen(v, invariant.PassNeeded) }},
	} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			g := backend{}.serve(t)
			v := judged(t, g, "--visitors", test.visitors, "--mix", profile+"=100")
			if !test.did(v) {
				t.Errorf("%+v", v)
			}
			everybodyOnce(t, v)
			for _, p := range v.Profiles {
				if (p.Name == profile) != (p.Visitors == v.Visitors) {
					t.Errorf("%d are %s", p.Visitors, p.Name)
				}
			}
		})
	}
}

func seen(v simulate.Verdict, name string) bool {
	return slices.ContainsFunc(v.Invariants, func(i simulate.InvariantVerdict) bool { return i.Name == name && i.Seen && i.Holds })
}

// everybodyOnce fails the test unless each visitor has one outcome, by all counts.
func everybodyOnce(t *testing.T, v simulate.Verdict) {
	t.Helper()
	all := 0
	for _, n := range v.Outcomes {
		all += n
	}
	people := 0
	for _, p := range v.Profiles {
		people += p.Visitors
		outcomes := 0
		for _, n := range p.Outcomes {
			outcomes += n
		}
		if outcomes != p.Visitors {
			t.Errorf("%d %s have %d outcomes", p.Visitors, p.Name, outcomes)
		}
	}
	if all != v.Visitors || people != v.Visitors {
		t.Errorf("%d visitors have %d outcomes, and profiles count %d of them", v.Visitors, all, people)
	}
}

// A show of the run's own is closed in the end, and gone if it sold nothing.
func TestSimulateCleansUp(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	judged(t, g, "--visitors", "4", "--mix", "walks-out=100")
	if left := simulated(g); len(left) > 0 {
		t.Errorf("what sold nothing is left: %v", left)
	}
	v := judged(t, g, "--visitors", "4", "--mix", "patient=100")
	left := simulated(g)
	if len(left) != 1 || left[0]["show"] != v.Show || left[0]["phase"] != "closed" {
		t.Errorf("what sold something is %v", left)
	}
}

// Interrupted, or out of time, it says how far it was, and cleans up all the same.
func TestSimulateCutShort(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		within string
		cut    bool
		want   string
	}{
		"interrupted": {"1m", true, "frontrow: interrupted: "},
		"out of time": {"3s", false, "frontrow: not done within 3s: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := backend{}.serve(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out, errOut bytes.Buffer
			done := make(chan int)
			go func() {
				done <- run(ctx, []string{
					"simulate", "--url", g.URL(), "--admin-token", testAdmin, "--visitors", "50", "--mix", "sleeping-phone=100", "--within", test.within,
				}, &out, &errOut)
			}()
			if test.cut {
				testenv.Wait(t, 20*time.Second, func() bool { return len(simulated(g)) == 1 }, "no show is made")
				cancel()
			}
			if code := <-done; code != 1 || out.Len() > 0 || !strings.HasPrefix(errOut.String(), test.want) || !strings.HasSuffix(errOut.String(), " of 50 visits were over\n") {
				t.Errorf("exit code %d, %q, %q", code, out.String(), errOut.String())
			}
			if left := simulated(g); len(left) > 0 && left[0]["phase"] != "closed" {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// On a show that is there already nothing is closed, and a full queue is an outcome.
func TestSimulateOnAShow(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t, func(c *gatewayConfig) { no := false; c.DemoCharges = &no }) // the operator charges
	show := g.show(func(s map[string]any) { s["max_waiting"] = 1 })
	g.admin("POST", "/v1/admin/shows/"+show+"/pause", nil).want(http.StatusOK)
	g.joins(show)
	v := judged(t, g, "--visitors", "3", "--mix", "patient=100", "--show", show)
	if v.Outcomes["turned away: queue_full"] != 3 || v.Later != 3 || v.TooMany != 0 {
		t.Errorf("%+v", v)
	}
	everybodyOnce(t, v)
	open := g.show()
	v = judged(t, g, "--visitors", "5", "--mix", "patient=100", "--show", open)
	if v.Outcomes["bought"] != 5 || v.Show != open {
		t.Errorf("%+v", v)
	}
	if phase := g.admin("GET", "/v1/admin/shows/"+open, nil).text("phase"); phase != "open" {
		t.Errorf("the show is %s", phase)
	}
}

// Elsewhere than in a terminal there is a line every few seconds.
func TestLinesOfProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	watch, end := display(&out, 100)
	for i := range 12 {
		watch(simulate.Progress{
			Elapsed: time.Duration(i+1) * time.Second, Visitors: 100, Joined: 60, Waiting: 40, Inside: 5, Bought: 9, Gone: 15, Requests: int64(10 * (i + 1)),
		})
	}
	end()
	const want = "   5 s: 60 joined, 40 waiting, 5 inside, 9 bought, 15 gone, 10 requests/s\n" +
		"  10 s: 60 joined, 40 waiting, 5 inside, 9 bought, 15 gone, 10 requests/s\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestBarOfProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	watch, end := bar(&out, 100)
	watch(simulate.Progress{Elapsed: time.Second, Visitors: 100, Joined: 60, Waiting: 40, Inside: 5, Bought: 9, Gone: 15, Requests: 70})
	end()
	for _, want := range []string{"60 joined, 40 waiting, 5 inside, 9 bought, 70 requests/s", "(15/100)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q lacks %q", out.String(), want)
		}
	}
	if strings.Contains(out.String(), "\n") {
		t.Errorf("%q does not stay in its place", out.String())
	}
}

// What broke is told by name, and what nobody looked at is not said to hold.
func TestTell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tell(&out, simulate.Verdict{
		Visitors: 1, Show: "s", Surprises: 3, Unexpected: []string{"poll: 500"},
		Violations: []invariant.Violation{invariant.Violationf(invariant.Cap, "s", "4 of 3")},
		Invariants: []simulate.InvariantVerdict{{Name: "cap", Seen: true, Violations: 1}, {Name: "rate", Seen: true, Holds: true}, {Name: "pass-needed", Holds: true}},
	})
	for _, want := range []string{
		"3 answers that no visitor should get\n", "unexpected  poll: 500\n", "cap: show s: 4 of 3\n",
		"cap             BROKEN, 1 times\n", "rate            holds\n", "pass-needed     was not put to the test\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}
