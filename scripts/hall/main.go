// Hall writes the show file of an arena, as `frontrow seed --file` reads it:
//
//	go run ./scripts/hall -seats 15000 -show arena > arena.yaml
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"frontrow/internal/hall"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run writes the show file that args ask for to out. It returns the process's
// exit code: 2 for flags that make no sense, 1 when the file cannot be written.
func run(args []string, out, errOut io.Writer) int {
	show, seats, err := parse(args, errOut)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	sections, err := hall.Arena(seats)
	if err != nil {
		_, _ = fmt.Fprintln(errOut, err)
		return 2
	}
	file := bufio.NewWriter(out)
	show.writeTo(file, sections)
	if err := file.Flush(); err != nil {
		_, _ = fmt.Fprintln(errOut, err)
		return 1
	}
	return 0
}

// parse reads the flags; the file's other fields are as for most shows. What is
// wrong it tells errOut itself.
func parse(args []string, errOut io.Writer) (showFile, int, error) {
	show := showFile{admission: admission{
		interval: 1000, claim: 60, session: 600, sessionMax: 1800, absence: 120, returns: 600,
	}}
	flags := flag.NewFlagSet("hall", flag.ContinueOnError)
	flags.SetOutput(errOut)
	seats := flags.Int("seats", 15_000, "how many seats the hall has")
	flags.StringVar(&show.id, "show", "arena", "the show's id")
	flags.StringVar(&show.title, "title", "First Night", "the show's title")
	flags.StringVar(&show.venue, "venue", "The Arena", "where it takes place")
	flags.StringVar(&show.phase, "phase", "open", "draft, open or closed")
	flags.IntVar(&show.holdSeconds, "hold-seconds", 300, "how long a hold lasts")
	flags.IntVar(&show.maxSeats, "max-seats", 4, "seats that one visitor may buy")
	flags.IntVar(&show.maxWaiting, "max-waiting", 1_000_000, "visitors that the queue takes")
	flags.IntVar(&show.admission.admit, "admit", 100, "visitors let in per interval")
	flags.IntVar(&show.admission.interval, "interval-ms", show.admission.interval, "the interval in milliseconds")
	flags.IntVar(&show.admission.maxActive, "max-active", 500, "visitors inside at once")
	flags.IntVar(&show.admission.claim, "claim-seconds", show.admission.claim, "time to show up once called")
	flags.IntVar(&show.admission.session, "session-seconds", show.admission.session, "time inside")
	flags.IntVar(&show.admission.sessionMax, "session-max-seconds", show.admission.sessionMax, "time inside with holds and payments")
	flags.IntVar(&show.admission.absence, "absence-seconds", show.admission.absence, "silence after which a visitor is absent")
	flags.IntVar(&show.admission.returns, "return-seconds", show.admission.returns, "time to come back once called while absent")
	if err := flags.Parse(args); err != nil {
		return showFile{}, 0, fmt.Errorf("flags: %w", err)
	}
	if flags.NArg() > 0 {
		_, _ = fmt.Fprintf(errOut, "unexpected argument %q: the file goes to standard output\n", flags.Arg(0))
		return showFile{}, 0, errors.New("unexpected argument")
	}
	return show, *seats, nil
}
