package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"frontrow/internal/hall"
)

// fleet is what many gateways cost the one Redis that they share.
type fleet struct {
	Machine  machine    `json:"machine"`
	Gateways int        `json:"gateways"`
	Rows     []fleetRow `json:"rows"`
}

type fleetRow struct {
	Waiting  int     `json:"waiting"`
	Polls    float64 `json:"polls_per_second"`
	Commands float64 `json:"commands_per_second"`
	CPU      float64 `json:"redis_cpu_percent"` // of one core
}

// lightly is how often each of a gateway's connections polls in the lightly polled
// rows: a hundred polls a second and gateway.
const lightly = connections * time.Second / 100

// measureReplicas starts gateways on one Redis and measures what they cost it, at
// rest and lightly polled.
func (s *servers) measureReplicas(ctx context.Context, o options) error {
	f := fleet{Gateways: o.replicas}
	var err error
	if f.Machine, err = s.describe(ctx); err != nil {
		return err
	}
	seats, err := hall.Arena(benchSeats)
	if err != nil {
		return err
	}
	if err := s.gateways[0].makeShow(benchShow, seats); err != nil {
		return err
	}
	for len(s.gateways) < o.replicas {
		g, err := s.addGateway()
		if err != nil {
			return err
		}
		if err := g.process.within(30*time.Second, func() error { return g.opened(benchShow) }); err != nil {
			return err
		}
	}
	sizes := []int{smallLine, 100_000}
	if o.full {
		sizes = []int{100_000, 1_000_000}
	}
	l := newLine(s.gateways[0], benchShow)
	for _, size := range sizes {
		for l.joined < size {
			if _, err := l.join(10*time.Second, size, false); err != nil {
				return err
			}
			fmt.Fprintln(os.Stderr, figure(float64(l.joined)), "waiting")
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		time.Sleep(5 * time.Second) // what the joins have set off is done
		for _, polled := range []bool{false, true} {
			row, err := s.fleetRow(ctx, l, polled)
			if err != nil {
				return err
			}
			f.Rows = append(f.Rows, row)
		}
	}
	f.print()
	if o.write == "" {
		return nil
	}
	return writeJSON(filepath.Join(o.write, "bench-replicas.json"), f)
}

// fleetRow measures for as long as commands are counted.
func (s *servers) fleetRow(ctx context.Context, l *line, polled bool) (fleetRow, error) {
	row := fleetRow{Waiting: l.joined}
	done := make(chan error, len(s.gateways))
	answered := make(chan int, len(s.gateways))
	const over = countFor + 2*time.Second
	if polled {
		for _, g := range s.gateways {
			poll := l.polls()
			poll.address, poll.every = g.address, lightly
			go func() {
				o, err := poll.forTime(over)
				answered <- o.asked
				done <- err
			}()
		}
	}
	time.Sleep(time.Second)
	before, err := s.redisCPU(ctx)
	if err != nil {
		return row, err
	}
	began := time.Now()
	if row.Commands, err = s.countCommands(); err != nil {
		return row, err
	}
	took := time.Since(began)
	after, err := s.redisCPU(ctx)
	if err != nil {
		return row, err
	}
	row.Commands, row.CPU = rounded(row.Commands), rounded(100*(after-before)/took.Seconds())
	if !polled {
		return row, nil
	}
	asked := 0
	for range s.gateways {
		asked += <-answered
		if err := <-done; err != nil {
			return row, err
		}
	}
	row.Polls = rounded(float64(asked) / over.Seconds())
	return row, nil
}

// redisCPU is the time that Redis has worked, in seconds.
func (s *servers) redisCPU(ctx context.Context) (float64, error) {
	info, err := s.info(ctx, "cpu")
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		n, err := strconv.ParseFloat(info[name], 64)
		if err != nil {
			return 0, fmt.Errorf("INFO cpu: %s: %w", name, err)
		}
		sum += n
	}
	return sum, nil
}

func (f fleet) print() {
	fmt.Printf("%s\n\n%d gateways on one Redis\n\n", f.Machine, f.Gateways)
	fmt.Printf("%12s  %10s  %18s  %24s\n", "waiting", "polls/s", "Redis commands/s", "Redis CPU, % of a core")
	for _, r := range f.Rows {
		fmt.Printf("%12s  %10s  %18s  %24s\n", figure(float64(r.Waiting)), figure(r.Polls), figure(r.Commands), figure(r.CPU))
	}
}
