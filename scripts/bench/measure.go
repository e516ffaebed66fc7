package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// How often and how long each measurement runs.
const (
	rounds   = 7
	roundFor = time.Second
	keepOf   = 20_000 // tokens kept, of those who poll
)

// bench is a measurement under way.
type bench struct {
	*servers
	table  table
	mu     sync.Mutex
	joined int
	tokens []string // a sample of all who joined
	random *rand.Rand
}

// measure fills the line up to each size in turn, and measures at each.
func (s *servers) measure(sizes []int) (*table, error) {
	b := &bench{servers: s, random: rand.New(rand.NewPCG(1, 2))}
	ctx := context.Background()
	empty, err := b.redisMemory(ctx)
	if err != nil {
		return nil, err
	}
	var heapSmall float64
	byPolls := map[int][]float64{}
	for i, size := range sizes {
		if err := b.fill(size, i == len(sizes)-1); err != nil {
			return nil, fmt.Errorf("fill to %d: %w", size, err)
		}
		polls, err := b.polls(size, i == len(sizes)-1)
		if err != nil {
			return nil, fmt.Errorf("polls at %d: %w", size, err)
		}
		byPolls[size] = polls
		heap, err := b.heap()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			heapSmall = heap
			continue
		}
		if i == len(sizes)-1 {
			memory, err := b.redisMemory(ctx)
			if err != nil {
				return nil, err
			}
			b.table.add("Redis memory a waiting visitor", "bytes", []float64{(memory - empty) / float64(size)}, false, 112)
			b.table.add("gateway memory a waiting visitor", "bytes", []float64{(heap - heapSmall) / float64(size-sizes[0])}, false, 2)
		}
	}
	largest := sizes[len(sizes)-1]
	flat := make([]float64, rounds)
	for i := range flat {
		flat[i] = byPolls[largest][i] / byPolls[sizes[0]][i]
	}
	b.table.add(fmt.Sprintf("poll with %d waiting ÷ with %d", largest, sizes[0]), "of ratios", flat, true, 0.95)
	if err := b.admissions(ctx); err != nil {
		return nil, fmt.Errorf("admissions: %w", err)
	}
	return &b.table, nil
}

// ping is the baseline's throughput.
func (b *bench) ping() (float64, error) {
	ping := request("GET", "/ping", "")
	return load{address: b.baseline, next: func(int, int) []byte { return ping }}.forTime(roundFor)
}

// fill joins until so many wait; the last time in turns with the baseline.
func (b *bench) fill(size int, judged bool) error {
	join := request("POST", "/v1/shows/"+benchShow+"/queue", "")
	joins := func(d time.Duration, most int) (float64, error) {
		return load{address: b.gateway, next: func(int, int) []byte { return join }, seen: b.keep, most: most}.forTime(d)
	}
	var ratios []float64
	for judged && len(ratios) < rounds && b.joined < size {
		base, err := b.ping()
		if err != nil {
			return err
		}
		rate, err := joins(roundFor, size-b.joined)
		if err != nil {
			return err
		}
		ratios = append(ratios, rate/base)
	}
	for b.joined < size {
		if _, err := joins(10*time.Second, size-b.joined); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "\r%d waiting", b.joined)
	}
	fmt.Fprintln(os.Stderr)
	if judged {
		b.table.add(fmt.Sprintf("join up to %d waiting ÷ baseline", size), "of req/s", ratios, true, 0.60)
	}
	time.Sleep(2500 * time.Millisecond) // the view knows everybody
	return nil
}

var tokenField = []byte(`"token":"`)

// keep counts a join, and keeps some of the tokens: every one is as likely.
func (b *bench) keep(_, _ int, body []byte) {
	_, rest, ok := bytes.Cut(body, tokenField)
	text, _, end := bytes.Cut(rest, []byte{'"'})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.joined++
	if !ok || !end {
		return
	}
	if len(b.tokens) < keepOf {
		b.tokens = append(b.tokens, string(text))
	} else if i := b.random.IntN(b.joined); i < keepOf {
		b.tokens[i] = string(text)
	}
}

// polls measures polls in turns with the baseline; and what they cost Redis.
func (b *bench) polls(size int, judged bool) ([]float64, error) {
	requests := make([][]byte, len(b.tokens))
	for i, token := range b.tokens {
		requests[i] = request("GET", "/v1/shows/"+benchShow+"/queue", token)
	}
	poll := load{address: b.gateway, next: func(c, n int) []byte { return requests[(c*7919+n)%len(requests)] }}
	ratios := make([]float64, 0, rounds)
	for range rounds {
		base, err := b.ping()
		if err != nil {
			return nil, err
		}
		rate, err := poll.forTime(roundFor)
		if err != nil {
			return nil, err
		}
		ratios = append(ratios, rate/base)
	}
	b.table.add(fmt.Sprintf("poll with %d waiting ÷ baseline", size), "of req/s", ratios, true, 0.85)
	if !judged {
		return ratios, nil
	}
	idle, err := b.commands(func() error { time.Sleep(8 * time.Second); return nil })
	if err != nil {
		return nil, err
	}
	busy, err := b.commands(func() error { _, err := poll.forTime(8 * time.Second); return err })
	if err != nil {
		return nil, err
	}
	b.table.add("Redis commands a second, idle", "", []float64{idle}, false, 10)
	b.table.add("Redis commands a second, more when polled", "", []float64{busy - idle}, false, 1)
	return ratios, nil
}

// commands counts what the gateway sends Redis a second while something goes on.
func (b *bench) commands(while func() error) (float64, error) {
	const name = "frontrow_redis_command_duration_seconds_count"
	before, err := b.metric(name)
	start := time.Now()
	if err != nil {
		return 0, err
	}
	if err := while(); err != nil {
		return 0, err
	}
	took := time.Since(start).Seconds()
	after, err := b.metric(name)
	return (after - before) / took, err
}

// batch is how many are let in at once where admission is measured.
const batch = 5_000

// admissions lets batches in and compares Redis's own times for the chunks with
// taking as many off a plain copy of the line.
func (b *bench) admissions(ctx context.Context) error {
	waiting := "fr:{" + benchShow + "}:waiting"
	turns := min(rounds, b.joined/batch/2)
	var raw []float64
	for range turns {
		copied := "fr:{" + benchShow + "}:copy"
		if err := b.redis.Copy(ctx, waiting, copied, 0, true).Err(); err != nil {
			return err
		}
		took, err := b.timed(ctx, "zpopmin", func() error { return b.redis.ZPopMin(ctx, copied, batch).Err() })
		if err != nil {
			return err
		}
		raw = append(raw, took...)
		if err := b.redis.Unlink(ctx, copied).Err(); err != nil {
			return err
		}
	}
	var whole, worst []float64
	for range turns {
		took, err := b.timed(ctx, "admit", func() error { return b.letIn(ctx) })
		if err != nil {
			return err
		}
		sum := 0.0
		for _, us := range took {
			sum += us
		}
		whole = append(whole, sum/quantile(raw, 0.5))
		worst = append(worst, slices.Max(took)/1000)
	}
	b.table.add(fmt.Sprintf("admit %d ÷ ZPOPMIN %d", batch, batch), "of time", whole, false, 2.5)
	b.table.add("longest script that admits", "ms", worst, false, 10)
	return nil
}

// letIn opens the valve until one batch is in.
func (b *bench) letIn(ctx context.Context) error {
	active := "fr:{" + benchShow + "}:active"
	before, err := b.redis.ZCard(ctx, active).Result()
	if err != nil {
		return err
	}
	rules := func(admit int) error {
		// Long enough that the valve is shut again before the next interval.
		status, body, err := b.admin("PATCH", "/v1/admin/shows/"+benchShow+"/admission", map[string]int{"admit": admit, "interval_ms": 4000})
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	}
	if err := rules(batch); err != nil {
		return err
	}
	if err := within(10*time.Second, func() error {
		now, err := b.redis.ZCard(ctx, active).Result()
		if err == nil && now < before+batch {
			err = errors.New("the batch is not in")
		}
		return err
	}); err != nil {
		return err
	}
	if err := rules(0); err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	return nil
}

// timed reads from Redis's slow log how long each command of a kind took (us) that ran
// meanwhile.
func (b *bench) timed(ctx context.Context, kind string, do func() error) ([]float64, error) {
	for _, setting := range [][2]string{{"slowlog-log-slower-than", "0"}, {"slowlog-max-len", "10000"}} {
		if err := b.redis.ConfigSet(ctx, setting[0], setting[1]).Err(); err != nil {
			return nil, err
		}
	}
	if err := b.redis.Do(ctx, "SLOWLOG", "RESET").Err(); err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	if err := b.redis.ConfigSet(ctx, "slowlog-log-slower-than", "-1").Err(); err != nil {
		return nil, err
	}
	entries, err := b.redis.SlowLogGet(ctx, 10_000).Result()
	if err != nil {
		return nil, err
	}
	var took []float64
	for _, entry := range entries {
		if isKind(kind, entry) {
			took = append(took, float64(entry.Duration.Microseconds()))
		}
	}
	if len(took) == 0 {
		return nil, fmt.Errorf("the slow log has no %s", kind)
	}
	return took, nil
}

// isKind tells the script that admits by its one argument, the chunk, and by having
// worked: an idle call takes some tens of microseconds.
func isKind(kind string, entry redis.SlowLog) bool {
	if kind == "admit" {
		last := entry.Args[len(entry.Args)-1]
		return entry.Args[0] == "evalsha" && last == "1000" && entry.Duration > 300*time.Microsecond
	}
	return entry.Args[0] == kind
}
