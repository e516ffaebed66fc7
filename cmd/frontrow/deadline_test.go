package main

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// deadlines notes when the write deadline is set, and to what.
type deadlines struct {
	net.Conn
	set []time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return d.Conn.SetWriteDeadline(t)
}

// However often it is written to, a connection that nobody reads from is given up after
// a minute, and one that is read from never.
func TestWritesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		noted := &deadlines{Conn: here}
		conn := &patientConn{Conn: noted}
		reads := make(chan struct{})
		go func() {
			buffer := make([]byte, 1)
			for range 100 {
				if _, err := there.Read(buffer); err != nil {
					t.Error(err)
				}
			}
			close(reads)
		}()
		for range 100 {
			if _, err := conn.Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
		}
		<-reads
		if n := len(noted.set); n < 30 || n > 50 {
			t.Errorf("in 500 seconds the deadline was set %d times", n)
		}
		began := time.Now()
		_, err := conn.Write([]byte{1})
		if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < writeWithin-renewEvery || took > writeWithin {
			t.Errorf("a write that nobody reads ended after %s: %v", took, err)
		}
		_ = here.Close()
		_ = there.Close()
	})
}
