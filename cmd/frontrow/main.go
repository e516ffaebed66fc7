// Command frontrow is the waiting queue before concert ticket sales, and the sale
// behind it. This is the only place that wires the parts together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands are what the binary does; flags and environment say the same thing.
type commands struct {
	Serve        serveCommand        `cmd:"" help:"Run the gateway. Without Redis and MySQL it runs on the embedded ones."`
	Migrate      migrateCommand      `cmd:"" help:"Bring the database to this version."`
	Seed         seedCommand         `cmd:"" help:"Create or update a show; with no file, the show demo."`
	Purge        purgeCommand        `cmd:"" help:"Forget who the visitors were of shows that have been over for some days."`
	Simulate     simulateCommand     `cmd:"" help:"Play visitors against running gateways, and judge."`
	Verify       verifyCommand       `cmd:"" help:"Check every invariant on what is stored."`
	Ready        readyCommand        `cmd:"" help:"Ask the gateway of this machine whether it is ready; exit 1 if it is not."`
	Fakepay      fakepayCommand      `cmd:"" help:"Run a payment provider that takes money that does not exist, for demos and tests."`
	Fakereceiver fakereceiverCommand `cmd:"" help:"Play the services that are told of sales, for demos and tests."`
	Checkticket  checkticketCommand  `cmd:"" help:"Check concert tickets at the gate, without asking anybody."`
	Version      versionCommand      `cmd:"" help:"Print version, commit and Go."`
}

// console is what a command writes to.
type console struct {
	out, err io.Writer
}

// errSilent ends a command with exit code 1 when all has been said.
var errSilent = errors.New("failed")

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	exit := -1
	parser, err := kong.New(&commands{},
		kong.Name("frontrow"),
		kong.Description("A waiting queue before concert ticket sales, and the sale behind it."),
		kong.UsageOnError(),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(console{out, errOut}),
		kong.ShortUsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		fmt.Fprintf(errOut, "frontrow: %v\nTry frontrow --help.\n", err)
		return 2
	}
	switch err := command.Run(); {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
		return 1
	default:
		fmt.Fprintf(errOut, "frontrow: %v\n", err)
		return 1
	}
}
