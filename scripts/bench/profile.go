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

// profiles makes CPU profiles of the gateway as it is polled and joined, if they were
// asked for; behind all that is judged.
func (b *bench) profiles(context.Context) error {
	if b.profile == "" {
		return nil
	}
	polls, most := b.line.polls(), b.line.joined+1_000_000
	for name, do := range map[string]func(time.Duration) error{
		"polls": func(d time.Duration) error { _, err := polls.forTime(d); return err },
		"joins": func(d time.Duration) error { _, err := b.line.join(d, most, false); return err },
	} {
		failed := make(chan error, 1)
		go func() { failed <- b.line.gateway.writeProfile(filepath.Join(b.profile, name+".pprof")) }()
		if err := do((profileFor + 1) * time.Second); err != nil {
			return err
		}
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
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
