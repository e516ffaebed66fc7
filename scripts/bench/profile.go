package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profileFor is how long a profile is taken, in seconds.
const profileFor = 10

// profilePolls makes a CPU profile of the gateway as it is polled, if one was asked for.
func (b *bench) profilePolls(context.Context) error {
	polls := b.line.polls()
	return b.profiled("polls", func(d time.Duration) error { _, err := polls.forTime(d); return err })
}

// profileJoins makes one as people join, behind all that is judged: the line grows.
func (b *bench) profileJoins(context.Context) error {
	const upTo = 10_000_000
	return b.profiled("joins", func(d time.Duration) error { _, err := b.line.join(d, upTo, false); return err })
}

func (b *bench) profiled(name string, do func(time.Duration) error) error {
	if b.profile == "" {
		return nil
	}
	failed := make(chan error, 1)
	go func() { failed <- b.line.gateway.writeProfile(filepath.Join(b.profile, name+".pprof")) }()
	if err := do((profileFor + 1) * time.Second); err != nil {
		return err
	}
	return <-failed
}

// writeProfile writes a CPU profile of the gateway into a file.
func (g *gateway) writeProfile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := g.fetch(fmt.Sprintf("/debug/pprof/profile?seconds=%d", profileFor), file); err != nil {
		return err
	}
	return file.Close()
}
