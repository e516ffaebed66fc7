// Command bench measures what a gateway costs against a baseline of its own, both in
// one run and in turns, on the machine at hand: ratios of medians, with their spread.
//
//	make bench [FULL=1] [WRITE=1] [PROFILE=dir] [REPLICAS=n] [CACHE=1] [SALE=1] [PROXY=1]
//
// It starts its own Redis and database, the gateways, and a bare gin server that
// answers with a body of like size, and ends them. It exits 1 when a row misses its
// target by more than its spread.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"frontrow/internal/testenv"
)

// options are what a run can be told.
type options struct {
	binary   string
	full     bool
	write    string
	profile  string
	replicas int
	cache    bool
	sale     bool
	proxy    bool
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "baseline" {
		fmt.Fprintln(os.Stderr, serveBaseline(os.Args[2]))
		os.Exit(1)
	}
	var o options
	flag.StringVar(&o.binary, "binary", "bin/frontrow", "the gateway to measure")
	flag.BoolVar(&o.full, "full", false, "up to 1,000,000 waiting, in more rounds; else 100,000")
	flag.StringVar(&o.write, "write", "", "write the table into this directory, as bench.json and bench.svg")
	flag.StringVar(&o.profile, "profile", "", "write CPU profiles of the gateway into this directory")
	flag.IntVar(&o.replicas, "replicas", 0, "measure instead what so many gateways cost one Redis")
	flag.BoolVar(&o.cache, "cache", false, "measure instead what nginx before the gateway saves it")
	flag.BoolVar(&o.sale, "sale", false, "measure instead what two gateways sell a second, and what each kind of transaction costs")
	flag.BoolVar(&o.proxy, "proxy", false, "measure instead what the reverse proxy costs, against nginx")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	stop()
	testenv.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errMissed says that the table shows a miss.
var errMissed = errors.New("a row missed its target")

func run(ctx context.Context, o options) error {
	if _, err := exec.LookPath(o.binary); err != nil {
		return fmt.Errorf("no gateway to measure at %s; make build makes it", o.binary)
	}
	for _, dir := range []string{o.write, o.profile} {
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if o.proxy {
		return measureProxy(ctx, o)
	}
	if o.sale {
		return measureSale(ctx, o)
	}
	s, err := startServers(ctx, o.binary, nil)
	defer s.stop()
	if err != nil {
		return err
	}
	if o.replicas > 0 {
		return s.measureReplicas(ctx, o)
	}
	if o.cache {
		return s.measureCache(ctx)
	}
	b := &bench{servers: s, options: o, slow: newSlowLog(s.redis)}
	defer b.stopOthers()
	if err := b.measure(ctx); err != nil {
		return err
	}
	b.table.print(os.Stdout)
	if o.write != "" {
		if err := writeJSON(filepath.Join(o.write, "bench.json"), b.table); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.write, "bench.svg"), b.table.picture(), 0o644); err != nil {
			return err
		}
	}
	if b.table.missed() {
		return errMissed
	}
	return nil
}
