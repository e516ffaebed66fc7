package testenv

import (
	"fmt"
	"testing"
)

// Program is a program of this machine that a test runs beside the servers, such as a proxy.
type Program struct {
	Name    string
	Args    []string
	Env     []string     // nil: that of the tests
	Answers func() error // nil once it does
}

// RunningProgram is a Program that runs. Its methods fail the test, so call them from the
// test's own goroutine.
type RunningProgram struct {
	t       testing.TB
	process *process
}

// Start starts a program in a directory of its own and returns once it answers. It is gone
// with the test.
func Start(t testing.TB, p Program) *RunningProgram {
	t.Helper()
	path, err := program(p.Name)
	must(t, err)
	dir, err := scratchDir("program")
	must(t, err)
	running := &process{program: path, args: p.Args, env: p.Env, dir: dir, answers: func(*run) error { return p.Answers() }}
	t.Cleanup(func() {
		if running.current != nil {
			_ = running.stop() // killed, some leave their workers behind
		}
		running.discard()
	})
	must(t, running.start())
	return &RunningProgram{t, running}
}

// Stop ends the program in good order.
func (p *RunningProgram) Stop() { p.t.Helper(); must(p.t, p.process.stop()) }

// Kill ends the program with SIGKILL.
func (p *RunningProgram) Kill() { p.t.Helper(); must(p.t, p.process.kill()) }

// Log is the end of what it said.
func (p *RunningProgram) Log() string { return p.process.tail() }

// FreeAddress is an address of this machine on which nobody listens now.
func FreeAddress(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	must(t, err)
	return localAddr(port)
}

// Find returns the path of the first of these programs that is here, and fails the test with
// what installs them if none is.
func Find(t testing.TB, names ...string) string {
	t.Helper()
	path, err := program(names...)
	if err != nil {
		t.Fatal(fmt.Errorf("%w; scripts/setup.sh deploy installs it", err))
	}
	return path
}
