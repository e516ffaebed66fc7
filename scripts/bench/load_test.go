package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text   string
		status int
		body   string
		fails  bool
	}{
		"length":        {text: "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nab", status: 201, body: "ab"},
		"chunks":        {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", status: 200, body: "abc"},
		"nothing":       {text: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
		"no length":     {text: "HTTP/1.1 200 OK\r\n\r\nab", fails: true},
		"cut off":       {text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", fails: true},
		"another's":     {text: "SSH-2.0-OpenSSH_9.2\r\n\r\n", fails: true},
		"a bad length":  {text: "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", fails: true},
		"closed at all": {fails: true},
	} {
		in := bufio.NewReader(strings.NewReader(c.text))
		status, body, err := readAnswer(in)
		switch {
		case c.fails:
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		case err != nil || status != c.status || string(body) != c.body:
			t.Errorf("%s: %d %q, %v", name, status, body, err)
		case in.Buffered() > 0:
			t.Errorf("%s: %d bytes are left for the next answer", name, in.Buffered())
		}
	}
}

func TestSampleKeepsEveryTokenAlike(t *testing.T) {
	t.Parallel()
	s := &newLine(nil, "x").samples[0]
	const joined = 20 * keepOf
	for i := range joined {
		kind := "early"
		if i >= joined/2 {
			kind = "late"
		}
		s.keep([]byte(`{"position":1,"token":"` + kind + `","x":1}`))
	}
	early := 0
	for _, token := range s.tokens {
		if token == "early" {
			early++
		}
	}
	if len(s.tokens) != keepOf || early < keepOf/3 || early > keepOf*2/3 {
		t.Errorf("%d tokens, %d of them from the earlier half", len(s.tokens), early)
	}
}
