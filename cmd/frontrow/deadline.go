package main

import (
	"net"
	"sync/atomic"
	"time"
)

// writeWithin is how long a client may take to read what it is sent, give or take
// renewEvery.
const (
	writeWithin = time.Minute
	renewEvery  = 10 * time.Second
)

// patientListener bounds how long connections may block a write, as http.Server's
// WriteTimeout does, but sets the deadline anew only every ten seconds: to do so for
// every answer took a hundredth of a poll.
type patientListener struct{ net.Listener }

// Accept implements net.Listener.
func (l patientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: conn}, nil
}

type patientConn struct {
	net.Conn
	renewed atomic.Int64 // ns since 1970
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (int, error) {
	if now := time.Now(); now.UnixNano()-c.renewed.Load() > int64(renewEvery) {
		c.renewed.Store(now.UnixNano())
		if err := c.SetWriteDeadline(now.Add(writeWithin)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}
