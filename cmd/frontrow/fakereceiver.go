package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"frontrow/internal/receiver"
)

// fakereceiverCommand plays the webhook of notifications and the data platform.
type fakereceiverCommand struct {
	Listen string        `default:"127.0.0.1:8091" help:"Address to take notifications (POST /notify) and exports (POST /export) at. GET /received lists what came; PUT /behaviour changes the flags below."`
	Secret string        `env:"FRONTROW_NOTIFY_SECRET" required:"" help:"What notifications must be signed with." placeholder:"SECRET"`
	Keep   int           `default:"10000" help:"How many events are remembered."`
	Fail   float64       `default:"0" help:"Share of calls that are refused, 0 to 1."`
	Status int           `default:"503" help:"Status that refused calls are answered with."`
	Slow   time.Duration `default:"0s" help:"Pause before a call is looked at."`
	Late   time.Duration `default:"0s" help:"Pause after a call was taken, before it is answered."`
}

func (f *fakereceiverCommand) check() error {
	var errs []error
	if f.Keep < 1 || f.Keep > 1_000_000 {
		errs = append(errs, errors.New("--keep must be from 1 to 1000000"))
	}
	if !(f.Fail >= 0 && f.Fail <= 1) {
		errs = append(errs, errors.New("--fail must be from 0 to 1"))
	}
	if f.Status < 400 || f.Status > 599 {
		errs = append(errs, errors.New("--status must be from 400 to 599"))
	}
	if f.Slow < 0 || f.Late < 0 {
		errs = append(errs, errors.New("--slow and --late must not be negative"))
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends.
func (f *fakereceiverCommand) Run(ctx context.Context, to console) error {
	if err := f.check(); err != nil {
		return err
	}
	r := receiver.New(f.Secret, f.Keep)
	r.Behave(receiver.Behaviour{Fail: f.Fail, Status: f.Status, DelayMS: int(f.Slow.Milliseconds()), LateMS: int(f.Late.Milliseconds())})
	listener, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return err
	}
	server := newServer(r.Handler())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Fprintf(to.out, "the fake receiver listens at http://%s: POST /notify, POST /export, GET /received, PUT /behaviour\n", listener.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return server.Close() // who waits for a late answer does so in vain
	}
	return nil
}
