package main

import (
	"fmt"
	"time"
)

// visitor is somebody inside.
type visitor struct{ token, pass string }

var passField = []byte(`"pass":"`)

// letAllIn has so many join a show of few and lets all of them in, no more at once
// than the batch that admission is judged by; each claims and gets a pass. The line's
// sample must be large enough for them.
func (l *line) letAllIn(people int) ([]visitor, error) {
	if people > connections*keepOf {
		return nil, fmt.Errorf("%d are more than are kept", people)
	}
	if _, err := l.join(time.Minute, people, false); err != nil {
		return nil, err
	}
	if err := l.gateway.changeRules(l.show, map[string]any{"admit": batch, "interval_ms": 500}); err != nil {
		return nil, err
	}
	if err := l.gateway.process.within(time.Minute, func() error {
		now, err := l.gateway.stats(l.show)
		if err == nil && now.Active < people {
			err = fmt.Errorf("%d of %d are inside", now.Active, people)
		}
		return err
	}); err != nil {
		return nil, err
	}
	tokens := l.tokens()
	if len(tokens) != people {
		return nil, fmt.Errorf("%d of %d have a token", len(tokens), people)
	}
	inside := make([]visitor, people)
	o, err := load{
		address: l.gateway.address, most: people,
		next: func(c, n int) []byte { return request("GET", l.path(), tokens[n*connections+c], "", "") },
		seen: func(c, n int, body []byte) {
			pass, _ := field(body, passField)
			inside[n*connections+c] = visitor{tokens[n*connections+c], pass}
		},
	}.forTime(time.Minute)
	if err != nil {
		return nil, err
	}
	for _, v := range inside {
		if v.pass == "" {
			return nil, fmt.Errorf("%d claimed, and not all got a pass", o.asked)
		}
	}
	return inside, nil
}
