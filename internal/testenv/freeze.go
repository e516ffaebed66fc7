package testenv

import (
	"errors"
	"fmt"
	"syscall"
)

func freeze(e engine) error { return signal(e, syscall.SIGSTOP) }
func thaw(e engine) error   { return signal(e, syscall.SIGCONT) }

// signal sends a signal to a server that is a process of this machine, and does not wait
// for what comes of it.
func signal(e engine, sig syscall.Signal) error {
	p, ok := e.(*process)
	if !ok {
		return errors.New("only a process of this machine can be sent signals")
	}
	if p.current == nil {
		return fmt.Errorf("%s does not run", p.program)
	}
	if err := p.current.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.program, err)
	}
	return nil
}
