package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain is the bare server when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "baseline" {
		fmt.Fprintln(os.Stderr, serveBaseline(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestNoGatewayIsOneClearLine(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), options{binary: "/nowhere/frontrow"})
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "no gateway to measure at /nowhere/frontrow") {
		t.Errorf("run = %v", err)
	}
}

func TestOneLineTellsTheLastOfTheCause(t *testing.T) {
	t.Parallel()
	err := oneLine("no Redis", fmt.Errorf("no Redis for the tests\ntried:\n  Docker: not here\n  installed: redis-server: not here\n"))
	if got, want := err.Error(), "no Redis: redis-server: not here"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A server that cannot start is told at once, by what it said, not by a time-out.
func TestAPortInUseIsTold(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p, err := startProcess("baseline", os.Environ(), os.Args[0], "baseline", taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	err = p.within(time.Minute, func() error { return fmt.Errorf("no answer") })
	if err == nil || !strings.Contains(err.Error(), "the baseline ended") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("within = %v", err)
	}
}

func TestLoadAgainstTheBaseline(t *testing.T) {
	t.Parallel()
	p, address, err := startBaseline("GOGC=400")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	ping := request("GET", "/ping", "", "", "")
	o, err := load{address: address, next: func(int, int) []byte { return ping }, most: 1000, times: true}.forTime(time.Minute)
	if err != nil || o.asked != 1000 || len(o.times) != 1000 || o.perSecond <= 0 {
		t.Errorf("asked %d, timed %d, %.0f/s: %v", o.asked, len(o.times), o.perSecond, err)
	}
	if n, err := (load{address: address, next: func(int, int) []byte { return ping }}).answer(); err != nil || n < 150 || n > 250 {
		t.Errorf("the baseline's answer has %d bytes, which is not like a poll's: %v", n, err)
	}
	lost := request("GET", "/nowhere", "", "", "")
	if _, err := (load{address: address, next: func(int, int) []byte { return lost }, most: 100}).forTime(time.Minute); err == nil {
		t.Error("a load of 404 is no error")
	}
}
