// Command bench measures what a gateway costs against a baseline of its own, both in
// one run and in turns, on the machine at hand: ratios of medians, with their spread.
//
//	make bench [FULL=1], or bin/bench [-full] [-binary bin/frontrow] [-json FILE]
//
// It starts its own Redis and database, a gateway, and a bare gin server that answers
// with a body of like size, and ends them. It exits 1 when a row misses its target by
// more than its spread.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"

	"frontrow/internal/testenv"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "baseline" {
		fmt.Fprintln(os.Stderr, serveBaseline(os.Args[2]))
		os.Exit(1)
	}
	full := flag.Bool("full", false, "up to 1,000,000 waiting; else 100,000")
	binary := flag.String("binary", "bin/frontrow", "the gateway to measure")
	out := flag.String("json", "", "write the table as JSON to this file")
	flag.Parse()
	code := 0
	if err := run(*binary, *full, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		code = 1
	}
	testenv.Close()
	os.Exit(code)
}

// errMissed says that the table shows a miss.
var errMissed = errors.New("a row missed its target")

func run(binary string, full bool, out string) error {
	sizes := []int{1_000, 100_000}
	if full {
		sizes = append(sizes, 1_000_000)
	}
	s, err := start(binary)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Printf("%s %s/%s, %d cores; Redis and database of their own; medians of rounds in turns\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	table, err := s.measure(sizes)
	if err != nil {
		return err
	}
	missed := table.print(os.Stdout)
	if out != "" {
		raw, err := json.MarshalIndent(table, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if missed {
		return errMissed
	}
	return nil
}
