package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"sync"
	"time"
)

// connections is how many clients ask at once, each on a connection of its own: a wall
// of people, of whom joins are gathered.
const connections = 64

// load asks as fast as answers come: next makes the n-th request of a client, and
// seen is shown its answer. Any status but 2xx is an error.
type load struct {
	address string
	next    func(client, n int) []byte
	seen    func(client, n int, body []byte) // may be nil
	most    int                              // requests in all; 0: no bound
	every   time.Duration                    // a client asks no more often; 0: no bound
	times   bool                             // keep how long each answer took
}

// outcome is what a load came to.
type outcome struct {
	perSecond float64
	asked     int
	times     []time.Duration
}

// forTime runs the load for a time, or until its requests are used up.
func (l load) forTime(d time.Duration) (o outcome, err error) {
	var wait sync.WaitGroup
	outcomes, errs := make([]outcome, connections), make([]error, connections)
	start := time.Now()
	for c := range connections {
		most := l.most / connections
		if c < l.most%connections {
			most++
		}
		wait.Go(func() { outcomes[c], errs[c] = l.client(c, start.Add(d), most) })
	}
	wait.Wait()
	took := time.Since(start).Seconds()
	for _, one := range outcomes {
		o.asked += one.asked
		o.times = append(o.times, one.times...)
	}
	o.perSecond = float64(o.asked) / took
	return o, firstOf(errs)
}

// firstOf is the first error: a server that went away fails every client alike.
func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// answer asks once and tells how long the answer's body is.
func (l load) answer() (length int, err error) {
	l.most, l.seen = 1, func(_, _ int, body []byte) { length = len(body) }
	_, err = l.forTime(grace)
	return length, err
}

func (l load) client(c int, until time.Time, most int) (o outcome, err error) {
	conn, err := dial(l.address, time.Until(until)+grace)
	if err != nil {
		return o, err
	}
	defer conn.Close()
	for asked := time.Now(); asked.Before(until) && (l.most == 0 || o.asked < most); {
		status, body, err := conn.ask(l.next(c, o.asked))
		if err != nil {
			return o, err
		}
		if status < 200 || status > 299 {
			return o, fmt.Errorf("answered %d %.200s", status, body)
		}
		if l.seen != nil {
			l.seen(c, o.asked, body)
		}
		o.asked++
		now := time.Now()
		if l.times {
			o.times = append(o.times, now.Sub(asked))
		}
		if rest := l.every - now.Sub(asked); rest > 0 {
			time.Sleep(rest)
			now = time.Now()
		}
		asked = now
	}
	return o, nil
}

// grace is how much longer than its work a connection may take before it is an
// error: nothing hangs for good.
const grace = 30 * time.Second

// client is one connection of HTTP/1.1, kept alive. It costs the machine less than
// net/http's, so that more of it is left to what is measured.
type client struct {
	net.Conn
	in *bufio.Reader
}

func dial(address string, lasts time.Duration) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReaderSize(conn, 64<<10)}, conn.SetDeadline(time.Now().Add(lasts))
}

// ask sends one request and returns its answer; the body is good until the next.
func (c *client) ask(request []byte) (status int, body []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	return readAnswer(c.in)
}

var (
	contentLength = []byte("Content-Length: ")
	chunked       = []byte("Transfer-Encoding: chunked")
)

// readAnswer reads one answer; the body is good until the next one.
func readAnswer(in *bufio.Reader) (status int, body []byte, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("answered %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, fmt.Errorf("answered %q", line)
	}
	length, inChunks := -1, false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if text, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil {
				return 0, nil, err
			}
		}
		inChunks = inChunks || bytes.HasPrefix(line, chunked)
	}
	switch {
	case inChunks:
		if body, err = io.ReadAll(httputil.NewChunkedReader(in)); err == nil {
			_, err = in.ReadSlice('\n') // the empty line behind the last chunk
		}
		return status, body, err
	case length < 0 && status != 204:
		return 0, nil, errors.New("an answer without a length")
	case length <= 0:
		return status, nil, nil
	}
	if body, err = in.Peek(length); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	_, err = in.Discard(length)
	return status, body, err
}

// request writes one out; body and key, for Idempotency-Key, may be empty.
func request(method, path, bearer, body, key string) []byte {
	text := method + " " + path + " HTTP/1.1\r\nHost: bench\r\n"
	if bearer != "" {
		text += "Authorization: Bearer " + bearer + "\r\n"
	}
	if key != "" {
		text += "Idempotency-Key: " + key + "\r\n"
	}
	if body != "" {
		text += "Content-Type: application/json\r\n"
	}
	if method != "GET" {
		text += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return []byte(text + "\r\n" + body)
}
