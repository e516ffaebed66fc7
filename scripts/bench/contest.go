package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"frontrow/internal/hall"
)

// A sale under contest: how many people, after how many seats, and how many of them
// have a request under way at a time.
const (
	contestPeople = 10_000
	contestSeats  = 1_000
	contestAtOnce = 256
	contestTries  = 20 // of a visitor
)

// contest sells shows out: every visitor first asks for a seat that they take for
// free, as all were when the map was looked at, and looks again when it is taken,
// until they have one or none is left. Who has one pays.
func (b *bench) contest(ctx context.Context) error {
	rounds := 1
	if b.full {
		rounds = 3
	}
	fault := "of any invariant, sold twice among them"
	var sold, faults, tail, p50, p99, won, lost, holds, claims, later []float64
	for round := range rounds {
		var s sale
		if err := b.slow.whileDoing(ctx, "a sale", func() (err error) {
			s, err = b.sellOut(ctx, fmt.Sprintf("contest-%d", round+1))
			return err
		}); err != nil {
			return err
		}
		all := milliseconds(append(append([]time.Duration{}, s.won...), s.lost...))
		half, most := quantile(all, 0.5), quantile(all, 0.99)
		tail, p50, p99 = append(tail, most/half), append(p50, half), append(p99, most)
		won, lost = append(won, quantile(milliseconds(s.won), 0.5)), append(lost, quantile(milliseconds(s.lost), 0.5))
		if s.fault != "" {
			fault = s.fault
		}
		sold, faults = append(sold, float64(s.sold)), append(faults, float64(s.faults))
		claims, later = append(claims, s.claim), append(later, s.later.Seconds())
		holds = append(holds, float64(len(all))/s.took.Seconds())
	}
	who := fmt.Sprintf("%s after %s seats", figure(contestPeople), figure(contestSeats))
	b.table.add(who+": sold", "", sold, atLeast(contestSeats))
	b.table.add(who+": violations", "", faults, atMost(0)).Note = fault
	b.table.add(who+": a hold's p99 ÷ p50", "", tail, atMost(20))
	b.table.add("a hold takes, p50", "ms", p50, nil).Note = fmt.Sprintf("winners and losers, %d at once", contestAtOnce)
	b.table.add("a hold takes, p99", "ms", p99, nil)
	b.table.add("a hold that is won takes, p50", "ms", won, nil)
	b.table.add("a hold that is lost takes, p50", "ms", lost, nil)
	b.table.add("holds asked for", "/s", holds, nil).Note = "payments beside them"
	b.table.add("listeners were done after the sale", "s", later, nil)
	b.table.add("a claim takes Redis", "µs", claims, nil).Note = "whoever was let in shows up"
	return nil
}

// sale is how one went.
type sale struct {
	won, lost    []time.Duration // what holds took
	took         time.Duration
	later        time.Duration // until all listeners had heard of it
	claim        float64       // what one costs Redis, us
	sold, faults int
	fault        string // the first of them
}

func (b *bench) sellOut(ctx context.Context, show string) (sale, error) {
	var s sale
	seats, err := hall.Arena(contestSeats)
	if err != nil {
		return s, err
	}
	g := b.gateways[0]
	if err := g.makeShow(show, seats); err != nil {
		return s, err
	}
	l := newLine(g, show)
	if err := l.admitAll(contestPeople); err != nil {
		return s, err
	}
	before, err := b.scriptTime(ctx)
	if err != nil {
		return s, err
	}
	crowd, err := l.claimAll()
	if err != nil {
		return s, err
	}
	after, err := b.scriptTime(ctx)
	if err != nil {
		return s, err
	}
	s.claim = (after - before) / contestPeople
	people := make(chan visitor, len(crowd))
	for _, v := range crowd {
		people <- v
	}
	close(people)
	var wait sync.WaitGroup
	parts, errs := make([]sale, contestAtOnce), make([]error, contestAtOnce)
	began := time.Now()
	for c := range contestAtOnce {
		h := hunter{address: g.address, show: show, seats: seatIDs(seats), random: rand.New(rand.NewPCG(2, uint64(c)))}
		wait.Go(func() { parts[c], errs[c] = h.hunt(ctx, people) })
	}
	wait.Wait()
	s.took = time.Since(began)
	for _, part := range parts {
		s.won, s.lost = append(s.won, part.won...), append(s.lost, part.lost...)
	}
	if err := errors.Join(firstOf(errs), ctx.Err()); err != nil {
		return s, err
	}
	began = time.Now()
	if err := b.delivered(ctx); err != nil {
		return s, err
	}
	s.later = time.Since(began)
	return s, g.settled(show, &s)
}

// delivered waits until the listeners have heard of every sale: what follows one comes
// after it, and only then can be judged.
func (b *bench) delivered(ctx context.Context) error {
	return b.gateways[0].process.within(2*time.Minute, func() error {
		due := 0
		err := b.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM deliveries WHERE state = 'due'").Scan(&due)
		if err == nil && due > 0 {
			err = fmt.Errorf("%d deliveries are due", due)
		}
		return err
	})
}

// settled looks at what a sale left: the seats, and the verdict on every invariant.
func (g *gateway) settled(show string, s *sale) error {
	var states struct {
		States string `json:"states"`
	}
	if err := g.process.within(10*time.Second, func() error {
		err := g.expect(http.StatusOK, "GET", "http://"+g.address+"/v1/shows/"+show+"/seats/state", nil, &states)
		s.sold = bytes.Count([]byte(states.States), []byte{'s'})
		if err == nil && s.sold < len(s.won) {
			err = fmt.Errorf("%d seats are sold, %d were won", s.sold, len(s.won))
		}
		return err
	}); err != nil {
		return err
	}
	var verdict struct {
		Violations []struct{ Invariant, Detail string } `json:"violations"`
	}
	if err := g.admin(http.StatusOK, "GET", "/verify?show="+show, nil, &verdict); err != nil {
		return err
	}
	if s.faults = len(verdict.Violations); s.faults > 0 {
		s.fault = verdict.Violations[0].Invariant + ": " + verdict.Violations[0].Detail
	}
	return nil
}

// hunter plays visitors, one after the other.
type hunter struct {
	address, show string
	seats         []string
	random        *rand.Rand
}

func (h hunter) hunt(ctx context.Context, people <-chan visitor) (s sale, err error) {
	conn, err := dial(h.address, 2*time.Minute)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	for v := range people {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if err := h.shop(&buyer{conn: conn, show: h.show, visitor: v}, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// shop is one visitor's sale: a seat at random, and on with the free ones of the map.
func (h hunter) shop(b *buyer, s *sale) error {
	free := len(h.seats)
	seat := func(i int) int { return i }
	for range contestTries {
		began := time.Now()
		won, err := b.hold(h.seats[seat(h.random.IntN(free))])
		if err != nil {
			return err
		}
		took := time.Since(began)
		if won {
			s.won = append(s.won, took)
			return errors.Join(b.charge(), b.pay())
		}
		s.lost = append(s.lost, took)
		left, err := h.look(b)
		if err != nil || len(left) == 0 {
			return err
		}
		free, seat = len(left), func(i int) int { return left[i] }
	}
	return nil
}

var statesField = []byte(`"states":"`)

// look returns the seats that the map shows as free.
func (h hunter) look(b *buyer) ([]int, error) {
	status, body, err := b.conn.ask(request("GET", "/v1/shows/"+h.show+"/seats/state", "", "", ""))
	if err != nil || status != http.StatusOK {
		return nil, errors.Join(err, fmt.Errorf("the map was answered %d", status))
	}
	states, ok := field(body, statesField)
	if !ok || len(states) != len(h.seats) {
		return nil, fmt.Errorf("a map of %d letters for %d seats", len(states), len(h.seats))
	}
	var free []int
	for i := range states {
		if states[i] == 'f' {
			free = append(free, i)
		}
	}
	return free, nil
}
