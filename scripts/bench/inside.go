package main

import (
	"errors"
	"fmt"
	"time"
)

// visitor is somebody inside.
type visitor struct{ token, pass string }

var passField = []byte(`"pass":"`)

// letAllIn has so many join a show of few and lets all of them in; each claims and gets
// a pass.
func (l *line) letAllIn(people int) ([]visitor, error) {
	if err := l.admitAll(people); err != nil {
		return nil, err
	}
	return l.claimAll()
}

// admitAll has people join and lets all in, no more at once than the batch by which
// admission is judged. The line's sample must be large enough for them.
func (l *line) admitAll(people int) error {
	if people > connections*keepOf {
		return fmt.Errorf("%d are more than are kept", people)
	}
	if _, err := l.join(time.Minute, people, false); err != nil {
		return err
	}
	if err := l.gateway.changeRules(l.show, map[string]any{"admit": batch, "interval_ms": 500}); err != nil {
		return err
	}
	return l.gateway.process.within(time.Minute, func() error {
		now, err := l.gateway.stats(l.show)
		if err == nil && now.Active < people {
			err = fmt.Errorf("%d of %d are inside", now.Active, people)
		}
		return err
	})
}

// claimAll has everybody of the sample show up.
func (l *line) claimAll() ([]visitor, error) {
	tokens := l.tokens()
	if len(tokens) != l.joined {
		return nil, fmt.Errorf("%d of %d have a token", len(tokens), l.joined)
	}
	inside := make([]visitor, len(tokens))
	if _, err := (load{
		address: l.gateway.address, most: len(tokens),
		next: func(c, n int) []byte { return request("GET", l.path(), tokens[n*connections+c], "", "") },
		seen: func(c, n int, body []byte) {
			pass, _ := field(body, passField)
			inside[n*connections+c] = visitor{tokens[n*connections+c], pass}
		},
	}).forTime(time.Minute); err != nil {
		return nil, err
	}
	for _, v := range inside {
		if v.pass == "" {
			return nil, errors.New("somebody claimed, and got no pass")
		}
	}
	return inside, nil
}
