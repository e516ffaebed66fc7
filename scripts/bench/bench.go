package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"frontrow/internal/hall"
)

// The shows whose lines are polled. Both have a stadium: what a gateway keeps of it does
// not grow with the crowd, so that an arena of 15,000 seats differs in nothing shown.
const (
	benchShow  = "bench"
	benchSeats = 50_000
	smallShow  = "small"
	smallLine  = 1_000
)

// bench is a measurement under way.
type bench struct {
	*servers
	options
	table  table
	slow   *slowLog
	line   *line
	small  *line    // a short line on a gateway, a Redis and a database of its own
	others *servers // its
	bares  []*process
	ping   load // of the baseline
	tuned  load // of one with the gateway's setting for garbage
	began  time.Time
}

// size is how many wait in the end.
func (b *bench) size() int {
	if b.full {
		return 1_000_000
	}
	return 100_000
}

// rounds is how often each measurement is made, in turns with what it is compared to.
func (b *bench) rounds() int {
	if b.full {
		return 9
	}
	return 7
}

// roundFor is how long a round of requests lasts.
func (b *bench) roundFor() time.Duration {
	if b.full {
		return 2 * time.Second
	}
	return time.Second
}

// measure makes the table.
func (b *bench) measure(ctx context.Context) error {
	b.began = time.Now()
	b.table.Form = "short"
	if b.full {
		b.table.Form = "full"
	}
	var err error
	if b.table.Machine, err = b.describe(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"making shows", b.open},
		{"joins", b.fill},
		{"polls", b.poll},
		{"Redis commands", b.commands},
		{"profile of polls", b.profilePolls},
		{"board", b.board},
		{"SQL statements", b.statements},
		{"priority", b.hurryRedis},
		{"a sale", b.contest},
		{"admission", b.admission},
		{"profile of joins", b.profileJoins},
	} {
		if b.profile != "" || !strings.HasPrefix(step.what, "profile") {
			b.say(step.what)
		}
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	b.slowest()
	b.say("done")
	return nil
}

// hurryRedis has Redis run first from here on, and says in the table whether it does.
func (b *bench) hurryRedis(ctx context.Context) error {
	b.table.Machine.Hurried = b.hurry(ctx)
	return nil
}

// say tells how far the run is.
func (b *bench) say(what string) {
	fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(b.began).Seconds(), what)
}

// open makes the two shows whose lines are polled.
func (b *bench) open(ctx context.Context) error {
	seats, err := hall.Arena(benchSeats)
	if err != nil {
		return err
	}
	if err := b.gateways[0].makeShow(benchShow, seats); err != nil {
		return err
	}
	b.line = newLine(b.gateways[0], benchShow)
	if err := b.slow.start(ctx); err != nil {
		return err
	}
	if b.others, err = startServers(ctx, b.gateway, b.servers); err != nil {
		return err
	}
	if err := b.others.gateways[0].makeShow(smallShow, seats); err != nil {
		return err
	}
	b.small = newLine(b.others.gateways[0], smallShow)
	if _, err := b.small.join(time.Minute, smallLine, false); err != nil {
		return err
	}
	if b.ping, err = b.bare(""); err != nil {
		return err
	}
	b.tuned, err = b.bare("GOGC=" + gatewayGOGC)
	return err
}

// gatewayGOGC is how seldom a gateway collects garbage. A bare server that does so no
// more often shows how much of a ratio is owed to that.
const gatewayGOGC = "400"

// bare starts a baseline, with a setting for its environment, and returns its load.
func (b *bench) bare(setting string) (load, error) {
	process, address, err := startBaseline(setting)
	if err != nil {
		return load{}, err
	}
	b.bares = append(b.bares, process)
	ping := request("GET", "/ping", "", "", "")
	return load{address: address, next: func(int, int) []byte { return ping }, times: true}, nil
}

// stopOthers ends what runs beside the gateway that is measured.
func (b *bench) stopOthers() {
	for _, p := range b.bares {
		p.stop()
	}
	if b.others != nil {
		b.others.stop()
	}
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}

// milliseconds of durations.
func milliseconds(all []time.Duration) []float64 {
	ms := make([]float64, len(all))
	for i, d := range all {
		ms[i] = float64(d) / float64(time.Millisecond)
	}
	return ms
}
