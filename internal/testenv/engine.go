package testenv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startWithin bounds a server's start. A database recovers within a second or
// two; the rest is for machines that are busy with other tests.
const startWithin = 60 * time.Second

// engine is a server of ours, at the same address each time it runs: a program
// (process) or a container.
type engine interface {
	start() error // returns once it answers
	stop() error  // in good order
	kill() error  // as a power cut would
	discard()     // for good, with its data
}

// way is one way to come by a server: the engine, and where it will answer.
type way struct {
	name  string
	tries int // more than one where another process may take the port first
	open  func() (engine, string, error)
}

// start opens the way and starts its engine.
func (w way) start() (engine, string, error) {
	for try := 1; ; try++ {
		e, address, err := w.open()
		if err != nil {
			return nil, "", err
		}
		if err = e.start(); err == nil {
			return e, address, nil
		}
		e.discard()
		if try >= w.tries {
			return nil, "", err
		}
	}
}

// errAbsent says that this machine does not have what a way needs.
var errAbsent = errors.New("not here")

// firstOf starts a server by the first way that works, and returns its address.
// The error says why each one did not, and asks for what would help.
func firstOf(ways []way, help string) (engine, string, error) {
	var tried []string
	for _, w := range ways {
		e, address, err := w.start()
		if err == nil {
			return e, address, nil
		}
		tried = append(tried, fmt.Sprintf("  %s: %v", w.name, err))
	}
	return nil, "", fmt.Errorf("%s\ntried:\n%s", help, strings.Join(tried, "\n"))
}

// Ports are taken below those that systems give to outgoing connections (Linux
// starts at 32768), so that nobody takes one while its server is stopped.
const (
	lowPort  = 15000
	highPort = 32000
)

// freePort returns a port of 127.0.0.1 on which nobody listens now. Another
// process may be quicker: servers prove that it is they who answer.
func freePort() (int, error) {
	for range 100 {
		port := lowPort + rand.IntN(highPort-lowPort)
		l, err := net.Listen("tcp", localAddr(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", lowPort, highPort)
}

func localAddr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// program finds the first of names in PATH or where packages put daemons, which
// an ordinary user's PATH may lack.
func program(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/libexec"} {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s: %w", strings.Join(names, ", "), errAbsent)
}
