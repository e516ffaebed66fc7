package queue

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"frontrow/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// books is a ledger that keeps in memory what MySQL keeps.
type books struct {
	mu         sync.Mutex
	kept       map[string]Kept
	admissions []Admission
	known      Known
}

func newBooks() *books { return &books{kept: map[string]Kept{}} }

func (b *books) ledger() Ledger {
	at := func(show string) Kept {
		k, ok := b.kept[show]
		if !ok {
			k = Kept{Show: show, Generation: 1}
		}
		return k
	}
	return Ledger{
		Load: func(_ context.Context, show string) (Kept, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return at(show), nil
		},
		WinEpoch: func(_ context.Context, show string, epoch, ceiling, newCeiling int64) (bool, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			k := at(show)
			if k.Epoch != epoch || k.Ceiling != ceiling {
				return false, nil
			}
			k.Epoch, k.Ceiling = epoch+1, newCeiling
			b.kept[show] = k
			return true, nil
		},
		RaiseCeiling: func(_ context.Context, show string, epoch, from, to int64) (bool, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			k := at(show)
			if k.Epoch != epoch || k.Ceiling != from {
				return false, nil
			}
			k.Ceiling = to
			b.kept[show] = k
			return true, nil
		},
		NextGeneration: func(_ context.Context, show string, _ int64) (Kept, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			k := at(show)
			k.Generation++
			k.Epoch++
			k.Head, k.Floor, k.Totals = k.Ceiling, k.Ceiling, Totals{}
			b.kept[show] = k
			return k, nil
		},
		Keep: func(_ context.Context, kept Kept, rows []Admission) (bool, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			k := at(kept.Show)
			if k.Epoch != kept.Epoch || k.Generation != kept.Generation {
				return false, nil
			}
			k.Head, k.Totals = kept.Head, kept.Totals
			b.kept[kept.Show] = k
			for _, row := range rows {
				if !b.has(row) {
					b.admissions = append(b.admissions, row)
				}
			}
			return true, nil
		},
		Before: func(context.Context, string) (Known, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.known, nil
		},
	}
}

func (b *books) has(row Admission) bool {
	for _, a := range b.admissions {
		if a == row {
			return true
		}
	}
	return false
}

func connect(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	opt, err := redis.ParseURL(url)
	must(t, err)
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(opt)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newKeys(t *testing.T) *Keyring {
	t.Helper()
	ring, err := NewKeyring(secret())
	must(t, err)
	return ring
}

func secret() string {
	var raw [32]byte
	rand.Read(raw[:])
	return base64.StdEncoding.EncodeToString(raw[:])
}

// quick are rules with which tests need not wait long.
func quick() Rules {
	return Rules{
		Admit: 3, IntervalMS: 100, MaxActive: 10, ClaimSeconds: 60, SessionSeconds: 600,
		SessionMaxSeconds: 900, AbsenceSeconds: 60, ReturnSeconds: 600, PollsPerTenSeconds: 100,
		WaitingListClaimSeconds: 60, Identity: IdentityOff,
	}
}

// gate is one gateway's room, with its loops in the test's hands.
type gate struct {
	*Room
	t     *testing.T
	watch *Watcher
	admit *Admitter
	draw  *Drawer
	redis redis.UniversalClient
}

// house is a show on one Redis, with as many gateways as a test wants.
type house struct {
	t     *testing.T
	url   string
	keys  *Keyring
	books *books
	draws *draws
	show  Show
	list  *list
	seats *Stock // as of when they are asked for, unless it says when; nil: nobody knows
}

func newHouse(t *testing.T, url string, rules Rules) *house {
	t.Helper()
	show := "t-" + strconv.FormatInt(time.Now().UnixNano(), 36) + randomWord()
	return &house{
		t: t, url: url, keys: newKeys(t), books: newBooks(), draws: newDraws(), list: &list{},
		show: Show{ID: show, Phase: Open, Rules: rules, RulesVersion: 1},
	}
}

func randomWord() string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	var raw [6]byte
	rand.Read(raw[:])
	for i, b := range raw {
		raw[i] = letters[int(b)%len(letters)]
	}
	return string(raw[:])
}

// gate opens one gateway's room.
func (h *house) gate() *gate {
	h.t.Helper()
	client := connect(h.t, h.url)
	q := New(Options{
		Redis: client, Keys: h.keys, Ledger: h.books.ledger(), Draws: h.draws.book(), Logger: slog.New(slog.DiscardHandler),
		List: h.list.book(),
		Stock: func(ctx context.Context, _ string) (Stock, error) {
			if h.seats == nil {
				return Stock{}, errors.New("the door is not loaded")
			}
			s := *h.seats
			if s.AsOf == 0 {
				now, err := client.Time(ctx).Result()
				if err != nil {
					return s, err
				}
				s.AsOf = now.UnixMicro()
			}
			return s, nil
		},
	})
	room := q.Follow(h.show)
	g := &gate{Room: room, t: h.t, watch: &Watcher{room: room}, admit: &Admitter{room: room}, draw: newDrawer(room), redis: client}
	g.look()
	return g
}

func (g *gate) look() {
	g.t.Helper()
	must(g.t, g.watch.RunOnce(g.t.Context()))
}

// lets the next interval's people in.
func (g *gate) lets() int64 {
	g.t.Helper()
	g.set("admitted_at", 0)
	n, _, err := g.admit.RunOnce(g.t.Context())
	must(g.t, err)
	return n
}

// set writes one number of the room behind the scripts' back.
func (g *gate) set(field string, n int64) {
	g.t.Helper()
	must(g.t, g.redis.HSet(g.t.Context(), g.keys[keyRoom], field, n).Err())
}

func (g *gate) now() int64 {
	g.t.Helper()
	now, err := g.redis.Time(g.t.Context()).Result()
	must(g.t, err)
	return now.UnixMicro()
}

// lapse lets the time pass that anybody had inside.
func (g *gate) lapse() {
	g.t.Helper()
	key := g.keys[keyActive]
	members, err := g.redis.ZRange(g.t.Context(), key, 0, -1).Result()
	must(g.t, err)
	for _, member := range members {
		must(g.t, g.redis.ZAdd(g.t.Context(), key, redis.Z{Score: 1, Member: member}).Err())
	}
}

// miss lets the time pass in which those who were called the first time may claim;
// forget as well that in which they may come back.
func (g *gate) miss()   { g.t.Helper(); g.rewriteCalls("%s:1:1:4000000000000000") }
func (g *gate) forget() { g.t.Helper(); g.rewriteCalls("%s:1:1:1") }

func (g *gate) rewriteCalls(format string) {
	g.t.Helper()
	rows, err := g.redis.ZRange(g.t.Context(), g.keys[keyCalls], 0, -1).Result()
	must(g.t, err)
	for _, row := range rows {
		last, _, _ := strings.Cut(row, ":")
		number, err := strconv.ParseInt(last, 10, 64)
		must(g.t, err)
		must(g.t, g.redis.ZRem(g.t.Context(), g.keys[keyCalls], row).Err())
		must(g.t, g.redis.ZAdd(g.t.Context(), g.keys[keyCalls], redis.Z{Score: float64(number), Member: fmt.Sprintf(format, last)}).Err())
	}
}

// fan is a visitor with a token.
type fan struct {
	g     *gate
	who   Who
	first Status
}

func (g *gate) joins() *fan {
	g.t.Helper()
	s, created, err := g.Join(g.t.Context(), newcomer())
	must(g.t, err)
	if !created {
		g.t.Fatal("a new visitor was given an old place")
	}
	f := &fan{g: g, first: s}
	f.holds(s)
	return f
}

func (g *gate) join(n int) []*fan {
	g.t.Helper()
	fans := make([]*fan, n)
	for i := range fans {
		fans[i] = g.joins()
	}
	return fans
}

// enters joins, is let in, and claims.
func (g *gate) enters() *fan {
	g.t.Helper()
	f := g.joins()
	g.lets()
	g.look()
	f.wants(Admitted)
	return f
}

func (f *fan) holds(s Status) {
	f.g.t.Helper()
	f.who.Visitor = s.Visitor
	if s.Token != "" {
		t, err := f.g.queue.keys.ParseToken(s.Token)
		must(f.g.t, err)
		f.who.Token = &t
	}
}

func (f *fan) polls() Status {
	f.g.t.Helper()
	s, err := f.g.Poll(f.g.t.Context(), f.who)
	must(f.g.t, err)
	f.holds(s)
	return s
}

// wants polls, and wants a state.
func (f *fan) wants(state State) Status {
	f.g.t.Helper()
	s := f.polls()
	if s.State != state {
		f.g.t.Fatalf("number %d is %s, want %s", s.Number, s.State, state)
	}
	return s
}

func (f *fan) pass() Pass {
	now := timeOf(f.g.now())
	return Pass{Visitor: f.who.Visitor, Show: f.g.show, Number: f.who.Token.Number, Issued: now, Expires: now.Add(PassLifetime)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, want T, what string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (g *gate) totals() Totals {
	g.t.Helper()
	v, err := g.refresh(g.t.Context())
	must(g.t, err)
	return v.totals
}

func zscore(until time.Time, f *fan) redis.Z {
	return redis.Z{Score: float64(until.UnixMicro()), Member: f.who.Visitor}
}

func newcomer() Who { return Who{Visitor: NewVisitor(), New: true} }
