package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"

	"frontrow/internal/simulate"
)

type simulateCommand struct {
	Visitors   int           `required:"" help:"How many visitors come, up to 200000."`
	URL        []string      `name:"url" help:"A running gateway; may be given again. Default: the one on the data directory." placeholder:"URL"`
	Show       string        `help:"The show to play on. Without it: one of its own, which is closed in the end." placeholder:"SHOW"`
	Seed       uint64        `default:"1" help:"Whoever plays with the same seed plays the same people."`
	Mix        []string      `help:"How many of a hundred visitors are of which profile. Default: patient=60,impatient=8,sleeping-phone=6,many-tabs=8,bot=1,changes-seats=7,walks-out=3,no-show=3,pusher=4." placeholder:"PROFILE=SHARE"`
	JSON       bool          `name:"json" help:"Print the verdict as JSON."`
	Within     time.Duration `default:"15m" help:"The run fails if it is not over by then."`
	AdminToken string        `name:"admin-token" env:"FRONTROW_ADMIN_TOKEN" help:"Default: the one in the data directory." placeholder:"TOKEN"`
	DataDir    string        `name:"data-dir" env:"FRONTROW_DATA_DIR" default:"./data" help:"Where a gateway on the embedded default keeps its files."`
}

// Run plays, prints the verdict, and fails if an invariant broke.
func (s *simulateCommand) Run(ctx context.Context, to console) error {
	mix, err := simulate.ParseMix(s.Mix)
	if err != nil {
		return err
	}
	at := servers{DataDir: s.DataDir}
	if len(s.URL) == 0 {
		if address := at.stored(addressFile); address != "" {
			s.URL = []string{address}
		} else {
			s.URL = []string{"http://127.0.0.1:8080"}
		}
	}
	if s.AdminToken == "" {
		s.AdminToken = at.stored(adminFile)
	}
	watch, end := display(to.err, s.Visitors)
	verdict, err := simulate.Run(ctx, simulate.Options{
		Visitors: s.Visitors, URLs: s.URL, Show: s.Show, AdminToken: s.AdminToken,
		Seed: s.Seed, Mix: mix, Within: s.Within, Watch: watch,
	})
	end()
	if err != nil {
		return err
	}
	if s.JSON {
		encoder := json.NewEncoder(to.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(verdict)
	} else {
		tell(to.out, verdict)
	}
	if err == nil && !verdict.OK() {
		err = errSilent
	}
	return err
}

// display shows how far a run is: in a terminal a bar that stays in its place,
// elsewhere a line every few seconds.
func display(to io.Writer, visitors int) (watch func(simulate.Progress), end func()) {
	if file, ok := to.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return bar(to, visitors)
		}
	}
	return lines(to), func() {}
}

// bar fills as visits end.
func bar(to io.Writer, visitors int) (watch func(simulate.Progress), end func()) {
	bar := progressbar.NewOptions(visitors, progressbar.OptionSetWriter(to), progressbar.OptionSetWidth(20),
		progressbar.OptionShowCount(), progressbar.OptionSetElapsedTime(true), progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish())
	last := simulate.Progress{}
	watch = func(p simulate.Progress) {
		bar.Describe(fmt.Sprintf("%s, %.0f requests/s", stand(p), rate(last, p)))
		_ = bar.Set(p.Gone)
		last = p
	}
	return watch, func() { _ = bar.Clear() }
}

// lineEvery is the time between two lines of progress.
const lineEvery = 5 * time.Second

func lines(to io.Writer) func(simulate.Progress) {
	last := simulate.Progress{}
	return func(p simulate.Progress) {
		if p.Elapsed-last.Elapsed < lineEvery {
			return
		}
		fmt.Fprintf(to, "%4.0f s: %s, %d gone, %.0f requests/s\n", p.Elapsed.Seconds(), stand(p), p.Gone, rate(last, p))
		last = p
	}
}

func stand(p simulate.Progress) string {
	return fmt.Sprintf("%d joined, %d waiting, %d inside, %d bought", p.Joined, p.Waiting, p.Inside, p.Bought)
}

func rate(last, now simulate.Progress) float64 {
	return float64(now.Requests-last.Requests) / max((now.Elapsed-last.Elapsed).Seconds(), 1e-3)
}

func tell(to io.Writer, v simulate.Verdict) {
	fmt.Fprintf(to, "%d visitors on show %s in %.0f s (seed %d)\n", v.Visitors, v.Show, v.Seconds, v.Seed)
	for _, outcome := range slices.Sorted(maps.Keys(v.Outcomes)) {
		fmt.Fprintf(to, "  %7d  %s\n", v.Outcomes[outcome], outcome)
	}
	fmt.Fprint(to, "profiles: ")
	for i, p := range v.Profiles {
		if i > 0 {
			fmt.Fprint(to, ", ")
		}
		fmt.Fprintf(to, "%d %s", p.Visitors, p.Name)
	}
	fmt.Fprintf(to, "\nbots joined %d times more: %d places, all abandoned, %d replays, %d refused\n",
		v.Bots.Places+v.Bots.Replays+v.Bots.Refused, v.Bots.Places, v.Bots.Replays, v.Bots.Refused)
	fmt.Fprintf(to, "waited %.1f s (median), %.1f s (p90); %d of %d waits were as foretold; %d of %d let in out of order\n",
		v.Wait["p50"], v.Wait["p90"], v.ETA.Inside, v.ETA.Told, v.Fairness.Inversions, v.Fairness.Compared)
	fmt.Fprintf(to, "%d requests, %d of them polls, %d moved to another gateway, %d told to come later (%d of them too many), %d seats lost to others\n",
		v.Requests, v.Polls, v.Moved, v.Later, v.TooMany, v.SeatsLost)
	if v.Late > 0 {
		fmt.Fprintf(to, "this machine was too slow for %d visitors, who polled later than told: what that cost them breaks no invariant\n", v.Late)
	}
	if v.Surprises > 0 {
		fmt.Fprintf(to, "%d answers that no visitor should get\n", v.Surprises)
	}
	for _, what := range v.Unexpected {
		fmt.Fprintf(to, "unexpected  %s\n", what)
	}
	broken := map[string]int{}
	for _, violation := range v.Violations {
		if broken[violation.Invariant]++; broken[violation.Invariant] <= 5 {
			fmt.Fprintln(to, violation)
		}
	}
	for _, i := range v.Invariants {
		switch {
		case !i.Holds:
			fmt.Fprintf(to, "%-15s BROKEN, %d times\n", i.Name, i.Violations)
		case i.Seen:
			fmt.Fprintf(to, "%-15s holds\n", i.Name)
		default:
			fmt.Fprintf(to, "%-15s was not put to the test\n", i.Name)
		}
	}
}
