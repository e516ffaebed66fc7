package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// stopWithin bounds a stop in good order, after which the server is killed.
const stopWithin = 20 * time.Second

// process is an engine that runs a program of this machine.
type process struct {
	program string
	args    []string
	env     []string            // nil: this process's
	as      *syscall.Credential // nil: whoever this process is
	dir     string              // its data, and the log of all its runs
	answers func(*run) error    // nil once this run, and not another server on its port, answers
	current *run
}

// run is one run of a program.
type run struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it ended
}

func (p *process) log() string { return p.dir + ".log" }

func (p *process) start() error {
	if p.current != nil {
		return fmt.Errorf("%s runs already", p.program)
	}
	r, err := p.launch()
	if err != nil {
		return err
	}
	var last error
	ok := poll(startWithin, func() bool {
		last = p.answers(r)
		return last == nil || r.ended()
	})
	if ok && !r.ended() {
		p.current = r
		return nil
	}
	if last == nil || r.ended() {
		last = errors.New("it ended by itself")
	}
	_ = r.end(syscall.SIGKILL, stopWithin)
	return fmt.Errorf("%s did not start: %w\n%s", p.program, last, p.tail())
}

// launch starts the program from a thread of its own that lasts as long as it
// does: dieWithParent is about that thread, and Go ends others as it likes.
func (p *process) launch() (*run, error) {
	out, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", p.program, err)
	}
	r := &run{cmd: exec.Command(p.program, p.args...), done: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = out, out
	r.cmd.Dir, r.cmd.Env = p.dir, p.env
	r.cmd.SysProcAttr = dieWithParent()
	if p.as != nil {
		if r.cmd.SysProcAttr == nil {
			r.cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		// Here and not by the program itself: it would no longer die with its parent then.
		r.cmd.SysProcAttr.Credential = p.as
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer func() { _ = out.Close() }()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			_ = r.cmd.Wait()
		}
		close(r.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.program, err)
	}
	return r, nil
}

func (p *process) stop() error { return p.finish(syscall.SIGTERM) }
func (p *process) kill() error { return p.finish(syscall.SIGKILL) }

func (p *process) finish(sig syscall.Signal) error {
	if p.current == nil {
		return fmt.Errorf("%s does not run", p.program)
	}
	r := p.current
	p.current = nil
	return r.end(sig, stopWithin)
}

func (p *process) discard() {
	if p.current != nil {
		_ = p.kill()
	}
	_ = os.RemoveAll(p.dir)
	_ = os.Remove(p.log())
}

func (r *run) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// end signals the program and returns when it is gone. One that has not gone
// within the time given is killed, and that is an error.
func (r *run) end(sig syscall.Signal, within time.Duration) error {
	if err := r.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", r.cmd.Path, err)
	}
	select {
	case <-r.done:
		return nil
	case <-time.After(within):
	}
	_ = r.cmd.Process.Kill()
	<-r.done
	return fmt.Errorf("%s did not end within %s of %s", r.cmd.Path, within, sig)
}

// tail returns the end of the log, which says why a start failed.
func (p *process) tail() string {
	const lines = 20
	data, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
