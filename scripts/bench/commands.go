package main

import (
	"bufio"
	"context"
	"errors"
	"math"
	"net"
	"strings"
	"time"
)

// countFor is how long commands are counted at a time.
const countFor = 10 * time.Second

// commands counts what the gateway sends Redis while nobody asks it anything, and
// while it is polled as fast as it can answer.
func (b *bench) commands(ctx context.Context) error {
	turns := 1
	if b.full {
		turns = 3
	}
	poll := b.line.polls()
	var idle, busy, more []float64
	for range turns {
		time.Sleep(2500 * time.Millisecond) // what was heard before is told
		still, err := b.countCommands()
		if err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			_, err := poll.forTime(countFor + time.Second)
			done <- err
		}()
		time.Sleep(500 * time.Millisecond)
		polled, err := b.countCommands()
		if err != nil {
			return err
		}
		if err := <-done; err != nil {
			return err
		}
		idle, busy, more = append(idle, still), append(busy, polled), append(more, math.Abs(polled-still))
	}
	b.table.add("Redis commands, idle", "/s", idle, atMost(10))
	b.table.add("Redis commands, polled all it can", "/s", busy, atMost(10))
	b.table.add("Redis commands, idle and polled apart", "/s", more, atMost(1))
	return ctx.Err()
}

// countCommands watches what reaches Redis for a while, and returns commands a
// second; those within scripts are not on the wire.
func (s *servers) countCommands() (float64, error) {
	conn, err := net.Dial("tcp", s.redis.Options().Addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil {
		return 0, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(countFor)); err != nil {
		return 0, err
	}
	n := 0
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		line, err := readStart(in)
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			return float64(n) / countFor.Seconds(), nil
		case err != nil:
			return 0, err
		case strings.Contains(line, "[0 ") && !strings.Contains(line, "[0 lua]"):
			n++
		}
	}
}

// readStart reads a line and returns its start, which tells who sent the command.
func readStart(in *bufio.Reader) (string, error) {
	raw, more, err := in.ReadLine()
	start := string(raw[:min(len(raw), 100)])
	for more && err == nil {
		_, more, err = in.ReadLine()
	}
	return start, err
}
