package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// keepOf is how many tokens of those who joined each client keeps.
const keepOf = 625

// line is the crowd that waits for a show: all who joined through it, and a sample
// of their tokens, of which every one is as likely.
type line struct {
	gateway *gateway
	show    string
	joined  int
	samples [connections]sample
}

type sample struct {
	tokens []string
	joined int
	random *rand.Rand
}

func newLine(g *gateway, show string) *line {
	l := &line{gateway: g, show: show}
	for c := range l.samples {
		l.samples[c].random = rand.New(rand.NewPCG(1, uint64(c)))
	}
	return l
}

func (l *line) path() string { return "/v1/shows/" + l.show + "/queue" }

// join has people join for a time, until so many wait in all. A visitor each.
func (l *line) join(d time.Duration, upTo int, times bool) (outcome, error) {
	if l.joined >= upTo {
		return outcome{}, nil
	}
	join := request("POST", l.path(), "", "", "")
	o, err := load{
		address: l.gateway.address, next: func(int, int) []byte { return join },
		seen: func(c, _ int, body []byte) { l.samples[c].keep(body) }, most: upTo - l.joined, times: times,
	}.forTime(d)
	l.joined += o.asked
	return o, err
}

var tokenField = []byte(`"token":"`)

func (s *sample) keep(body []byte) {
	s.joined++
	at := len(s.tokens)
	if at == keepOf {
		if at = s.random.IntN(s.joined); at >= keepOf {
			return
		}
	}
	text, ok := field(body, tokenField)
	switch {
	case !ok:
	case at == len(s.tokens):
		s.tokens = append(s.tokens, text)
	default:
		s.tokens[at] = text
	}
}

// field is a text in JSON of the gateway's, named by `"name":"`.
func field(body, name []byte) (string, bool) {
	_, rest, ok := bytes.Cut(body, name)
	text, _, end := bytes.Cut(rest, []byte{'"'})
	return string(text), ok && end
}

// tokens are those of the sample.
func (l *line) tokens() []string {
	var all []string
	for _, s := range l.samples {
		all = append(all, s.tokens...)
	}
	return all
}

// polls is the load of the sample polling.
func (l *line) polls() load {
	tokens := l.tokens()
	requests := make([][]byte, len(tokens))
	for i, token := range tokens {
		requests[i] = request("GET", l.path(), token, "", "")
	}
	return load{address: l.gateway.address, next: func(c, n int) []byte { return requests[(c*7919+n)%len(requests)] }}
}

var waiting = []byte(`"state":"waiting"`)

// warmUp polls until the view knows everybody, and makes sure that polls are answered
// with a place in line and not with something cheaper. It tells how long an answer is.
func (l *line) warmUp() (bytesOfAnswer int, err error) {
	time.Sleep(2500 * time.Millisecond)
	var other, length atomic.Int64
	poll := l.polls()
	poll.most = 10 * connections
	poll.seen = func(_, _ int, body []byte) {
		length.Store(int64(len(body)))
		if !bytes.Contains(body, waiting) {
			other.Add(1)
		}
	}
	o, err := poll.forTime(10 * time.Second)
	switch {
	case err != nil:
		return 0, err
	case other.Load() > 0:
		return 0, fmt.Errorf("%d of %d polls were not answered with a place in line", other.Load(), o.asked)
	case o.asked == 0:
		return 0, errors.New("nobody could poll")
	}
	return int(length.Load()), nil
}
