package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// connections is how many clients ask at once, each on a connection of its own.
const connections = 32

// load asks as fast as answers come, for a while: next makes the n-th request of a
// client, and seen is shown its answer. It returns answers per second; any status
// but 2xx is an error.
type load struct {
	address string
	next    func(client, n int) []byte
	seen    func(client, n int, body []byte) // may be nil
	most    int                              // requests in all; 0: no bound
}

// forTime runs the load for a time, or until its requests are used up.
func (l load) forTime(d time.Duration) (perSecond float64, err error) {
	var wait sync.WaitGroup
	counts, errs := make([]int, connections), make([]error, connections)
	start := time.Now()
	for c := range connections {
		most := 0
		if l.most > 0 {
			most = l.most / connections
			if c < l.most%connections {
				most++
			}
		}
		wait.Go(func() { counts[c], errs[c] = l.client(c, start.Add(d), most) })
	}
	wait.Wait()
	took := time.Since(start).Seconds()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / took, errors.Join(errs...)
}

func (l load) client(c int, until time.Time, most int) (n int, err error) {
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 8<<10)
	for time.Now().Before(until) && (l.most == 0 || n < most) {
		if _, err := conn.Write(l.next(c, n)); err != nil {
			return n, err
		}
		body, err := readAnswer(in)
		if err != nil {
			return n, err
		}
		if l.seen != nil {
			l.seen(c, n, body)
		}
		n++
	}
	return n, nil
}

var contentLength = []byte("Content-Length: ")

// readAnswer reads one answer of a server that tells its length; the body is good
// until the next one.
func readAnswer(in *bufio.Reader) ([]byte, error) {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(status) < 12 || status[9] != '2' {
		return nil, fmt.Errorf("answered %q", status)
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if text, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 {
		return nil, errors.New("an answer without Content-Length")
	}
	body, err := in.Peek(length)
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	_, err = in.Discard(length)
	return body, err
}

// request writes one out.
func request(method, path, bearer string) []byte {
	head := method + " " + path + " HTTP/1.1\r\nHost: bench\r\n"
	if bearer != "" {
		head += "Authorization: Bearer " + bearer + "\r\n"
	}
	if method != "GET" {
		head += "Content-Length: 0\r\n"
	}
	return []byte(head + "\r\n")
}
