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

	"frontrow/internal/invariant"
	"frontrow/internal/simulate"
)

type simulateCommand struct {
	Visitors   int           `required:"" help:"How many visitors come."`
	URL        []string      `name:"url" help:"A running gateway; may be given again. Default: the one on the data directory." placeholder:"URL"`
	Show       string        `help:"The show to play on. Without it: one of its own." placeholder:"SHOW"`
	Seed       uint64        `default:"1" help:"Whoever plays with the same seed plays the same people."`
	JSON       bool          `name:"json" help:"Print the verdict as JSON."`
	Within     time.Duration `default:"15m" help:"The run fails if it is not over by then."`
	AdminToken string        `name:"admin-token" env:"FRONTROW_ADMIN_TOKEN" help:"Default: the one in the data directory." placeholder:"TOKEN"`
	DataDir    string        `name:"data-dir" env:"FRONTROW_DATA_DIR" default:"./data" help:"Where a gateway on the embedded default keeps its files."`
}

// Run plays, prints the verdict, and fails if an invariant broke.
func (s *simulateCommand) Run(ctx context.Context, to console) error {
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
	verdict, err := simulate.Run(ctx, simulate.Options{
		Visitors: s.Visitors, URLs: s.URL, Show: s.Show, AdminToken: s.AdminToken,
		Seed: s.Seed, Within: s.Within, Done: progress(to.err, s.Visitors),
	})
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

// progress shows how many visits are over: as a bar in a terminal, else not at all.
func progress(to io.Writer, visitors int) func() {
	file, ok := to.(*os.File)
	if !ok {
		return nil
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	bar := progressbar.NewOptions(visitors, progressbar.OptionSetWriter(to), progressbar.OptionSetDescription("visitors"),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func() { _ = bar.Add(1) }
}

func tell(to io.Writer, v simulate.Verdict) {
	fmt.Fprintf(to, "%d visitors on show %s in %.0f s (seed %d)\n", v.Visitors, v.Show, v.Seconds, v.Seed)
	for _, outcome := range slices.Sorted(maps.Keys(v.Outcomes)) {
		fmt.Fprintf(to, "  %7d  %s\n", v.Outcomes[outcome], outcome)
	}
	fmt.Fprintf(to, "waited %.1f s (median), %.1f s (p90); %d requests, %d moved to another gateway, %d told to come later\n",
		v.Wait["p50"], v.Wait["p90"], v.Requests, v.Moved, v.Later)
	for _, what := range v.Unexpected {
		fmt.Fprintf(to, "unexpected  %s\n", what)
	}
	broken := map[string]int{}
	for _, violation := range v.Violations {
		if broken[violation.Invariant]++; broken[violation.Invariant] <= 5 {
			fmt.Fprintln(to, violation)
		}
	}
	for _, name := range invariant.All {
		if broken[name] == 0 {
			fmt.Fprintf(to, "%-15s holds\n", name)
		} else {
			fmt.Fprintf(to, "%-15s BROKEN, %d times\n", name, broken[name])
		}
	}
}
