// Testcount reads `go test -json` from standard input, shows what went wrong, and
// counts the tests per backend:
//
//	go test -json ./... | go run ./scripts/testcount
//
// It fails when a test or a build failed, when nothing ran, when a backend that
// -need names was not tested at all, and, where CI is set, when a test was
// skipped: a suite that passes because it did not run is worth nothing.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, inCI(os.Getenv("CI")))) }

// inCI says whether the variable CI is meant as set.
func inCI(value string) bool { return value != "" && value != "false" && value != "0" }

// run reads events from in until they end and returns the exit code: 1 when the
// tests are not to be trusted, 2 for wrong flags.
func run(args []string, in io.Reader, out, errOut io.Writer, ci bool) int {
	flags := flag.NewFlagSet("testcount", flag.ContinueOnError)
	flags.SetOutput(errOut)
	need := flags.String("need", strings.Join(backends, ","), "backends that must have been tested, comma-separated")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	needed, err := split(*need)
	if err != nil {
		_, _ = fmt.Fprintln(errOut, err)
		return 2
	}
	report := newReport(out)
	if err := report.read(in); err != nil {
		_, _ = fmt.Fprintln(errOut, err)
		return 1
	}
	if !report.finish(needed, ci) {
		return 1
	}
	return 0
}

// split returns the backends that list names. An unknown one is an error: it
// could never be counted.
func split(list string) ([]string, error) {
	var names []string
	for _, name := range strings.Split(list, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if !isBackend(name) {
			return nil, fmt.Errorf("-need %s: the backends are %s", name, strings.Join(backends, ", "))
		}
		names = append(names, name)
	}
	return names, nil
}
