package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/booking"
	"frontrow/queue"
)

// slowLog watches over the scripts of the whole run: whoever holds Redis for long
// holds up everybody.
type slowLog struct {
	redis  *redis.Client
	names  map[string]string // SHA -> name
	phases map[string]*phase
}

// phase is a part of the run: of each of its rounds, the longest script.
type phase struct {
	rounds  []float64 // ms
	longest string    // of all
	most    float64
}

// unknownScript is one that this source does not have.
const unknownScript = "an unknown script"

// slower is what the log keeps; shorter scripts hold up nobody.
const slower = time.Millisecond

func newSlowLog(client *redis.Client) *slowLog {
	l := &slowLog{redis: client, names: map[string]string{}, phases: map[string]*phase{}}
	for name, hash := range queue.Scripts() {
		l.names[hash] = "queue/" + name
	}
	for name, hash := range booking.Scripts() {
		l.names[hash] = "booking/" + name
	}
	return l
}

func (l *slowLog) start(ctx context.Context) error {
	if err := l.redis.ConfigSet(ctx, "slowlog-max-len", "2000").Err(); err != nil {
		return err
	}
	return l.keep(ctx, slower)
}

// keep sets what is logged from here on, and forgets what was.
func (l *slowLog) keep(ctx context.Context, above time.Duration) error {
	if err := l.redis.ConfigSet(ctx, "slowlog-log-slower-than", fmt.Sprint(above.Microseconds())).Err(); err != nil {
		return err
	}
	return l.redis.Do(ctx, "SLOWLOG", "RESET").Err()
}

// call is a command of the log.
type call struct {
	name string  // of the script, or the command
	took float64 // ms
}

// take returns what was logged since it was last asked.
func (l *slowLog) take(ctx context.Context) ([]call, error) {
	entries, err := l.redis.SlowLogGet(ctx, 2000).Result()
	if err != nil {
		return nil, err
	}
	if err := l.redis.Do(ctx, "SLOWLOG", "RESET").Err(); err != nil {
		return nil, err
	}
	calls := make([]call, 0, len(entries))
	for _, entry := range entries {
		if len(entry.Args) == 0 {
			continue
		}
		c := call{entry.Args[0], float64(entry.Duration) / float64(time.Millisecond)}
		if len(entry.Args) > 1 && (c.name == "evalsha" || c.name == "eval") {
			if c.name = l.names[entry.Args[1]]; c.name == "" {
				c.name = unknownScript
			}
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// roundOver notes the longest script of a round.
func (l *slowLog) roundOver(ctx context.Context, of string) error {
	calls, err := l.take(ctx)
	if err == nil {
		l.note(of, calls)
	}
	return err
}

// whileDoing takes each second of something for a round.
func (l *slowLog) whileDoing(ctx context.Context, of string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var failed error
	for {
		select {
		case err := <-done:
			return errors.Join(err, failed, l.roundOver(ctx, of))
		case <-second.C:
			if failed == nil {
				failed = l.roundOver(ctx, of)
			}
		}
	}
}

func (l *slowLog) note(of string, calls []call) {
	p := l.phases[of]
	if p == nil {
		p = &phase{}
		l.phases[of] = p
	}
	longest := 0.0
	for _, c := range calls {
		if !l.isScript(c.name) {
			continue
		}
		longest = max(longest, c.took)
		if c.took > p.most {
			p.most, p.longest = c.took, c.name
		}
	}
	p.rounds = append(p.rounds, longest)
}

func (l *slowLog) isScript(name string) bool {
	return name == unknownScript || slices.Contains(slices.Collect(maps.Values(l.names)), name)
}

// slowest judges the part of the run whose scripts held Redis the longest: the median
// of its rounds.
func (b *bench) slowest() {
	of, worst := "", -1.0
	for name, p := range b.slow.phases {
		if median := quantile(p.rounds, 0.5); median > worst {
			of, worst = name, median
		}
	}
	p := b.slow.phases[of]
	b.table.add("longest script", "ms", p.rounds, atMost(10)).Note = fmt.Sprintf("%s, in %s; once %s ms", p.longest, of, figure(p.most))
}

// scriptTime is how long Redis has spent in scripts so far, in us.
func (s *servers) scriptTime(ctx context.Context) (float64, error) {
	info, err := s.info(ctx, "commandstats")
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(info["cmdstat_evalsha"], "usec=")
	text, _, _ := strings.Cut(rest, ",")
	us, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("INFO commandstats tells no time of scripts: %q", info["cmdstat_evalsha"])
	}
	return us, nil
}
