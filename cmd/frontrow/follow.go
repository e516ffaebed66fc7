package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"frontrow/api"
)

// follow prints the way of one order, a line a step, and fails if it hangs.
func (v *verifyCommand) follow(ctx context.Context, to console) error {
	if v.Show != "" || v.Draw || v.URL != "" {
		return errors.New("--order goes without --show, --draw and --url")
	}
	way, err := v.way(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(to.out, "order %s of %s is %s, trace %s\n", way.Order, way.Show, way.State, way.TraceID)
	for _, step := range way.Steps {
		fmt.Fprintln(to.out, "  "+lineOf(step, way.Steps[0].At))
	}
	if way.More {
		fmt.Fprintln(to.out, "  and more")
	}
	for _, hangs := range way.Hangs {
		fmt.Fprintln(to.out, hangs)
	}
	if len(way.Hangs) > 0 {
		return errSilent
	}
	return nil
}

func (v *verifyCommand) way(ctx context.Context) (way api.Timeline, err error) {
	if err := v.check(); err != nil {
		return way, err
	}
	if v.embedded() {
		err = v.ask(ctx, "/v1/admin/orders/"+url.PathEscape(v.Order)+"/timeline", &way)
		return way, err
	}
	p, err := v.connect(ctx)
	if err != nil {
		return way, err
	}
	defer p.close()
	timeline, err := p.store.Timeline(ctx, v.Order)
	return api.NewTimeline(timeline), err
}

// lineOf is a step in one line: when, how long after the first, and what.
func lineOf(s api.Step, first time.Time) string {
	line := fmt.Sprintf("%s %9s  %-8s", s.At.Format("2006-01-02 15:04:05.000"), "+"+s.At.Sub(first).Round(time.Millisecond).String(), s.Kind)
	for _, word := range []string{s.Type, s.Listener, s.Outcome} {
		if word != "" {
			line += " " + word
		}
	}
	if s.Try > 0 {
		line += fmt.Sprintf(", try %d", s.Try)
	}
	if s.TookMS != nil {
		line += fmt.Sprintf(", took %.1f ms", *s.TookMS)
	}
	if s.By != "" {
		line += ", by " + s.By
	}
	if s.Detail != "" {
		line += ": " + s.Detail
	}
	return strings.TrimRight(line, " ")
}
