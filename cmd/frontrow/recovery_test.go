package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
)

// Redis forgets everything, or goes back two seconds, while a thousand wait, joins
// go on, a hundred are inside, twenty hold and ten pay.
func TestRedisIsLostInTheMiddleOfASale(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*hallOfPeople){
		"flushed":             (*hallOfPeople).flush,
		"put back by seconds": (*hallOfPeople).goBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.OwnRedis(t)
			b := backend{redis: server.URL(), dsn: testenv.MySQL(t)}
			b.migrate(t)
			h := newHallOfPeople(t, b, server)
			lose(h)
			h.isWhole()
		})
	}
}

// hallOfPeople is a show with people in every state, through two gateways.
type hallOfPeople struct {
	t                       *testing.T
	server                  *testenv.RedisServer
	gateways                [2]*process
	show                    string
	inside, holding, paying []*person
	waiting                 []*person
}

type person struct {
	h           *hallOfPeople
	at          int
	token, pass string
	number      int64
	hold        string
	seat        string
}

const (
	peopleInside  = 100
	peopleHolding = 20
	peoplePaying  = 10
	peopleWaiting = 1000
)

func newHallOfPeople(t *testing.T, b backend, server *testenv.RedisServer) *hallOfPeople {
	t.Helper()
	binary := testenv.Binary(t)
	h := &hallOfPeople{t: t, server: server, gateways: [2]*process{b.start(t, binary), b.start(t, binary)}}
	h.show = h.gateways[0].show(testShow("lost", map[string]any{
		"admit": peopleInside, "interval_ms": 1000, "max_active": peopleInside, "absence_seconds": 12, "claim_seconds": 20,
	}, 300), h.gateways[1])

	h.inside = h.join(peopleInside)
	h.each(h.inside, func(p *person) {
		testenv.Wait(t, 20*time.Second, func() bool { return p.poll() == "admitted" }, "not let in")
	})
	h.waiting = h.join(peopleWaiting)
	h.holding, h.paying = h.inside[:peopleHolding], h.inside[peopleHolding:peopleHolding+peoplePaying]
	for i, p := range append(append([]*person(nil), h.holding...), h.paying...) {
		p.seat = fmt.Sprintf("A-1-%d", i+1)
		r := p.send(call{method: "POST", path: "/v1/shows/" + h.show + "/holds", bearer: p.pass, body: map[string]any{"seats": []string{p.seat}}}).want(http.StatusCreated)
		p.hold = r.text("hold")
		p.send(call{method: "POST", path: "/v1/wallet/charges", bearer: p.token, key: "c", body: map[string]any{"amount": 10_000}}).want(http.StatusCreated)
	}
	h.each(h.waiting, func(p *person) {
		if state := p.poll(); state != "waiting" {
			t.Errorf("%s, should wait", state)
		}
	})
	time.Sleep(1500 * time.Millisecond) // the ledger knows: its lag is about a second
	return h
}

func (h *hallOfPeople) join(n int) []*person {
	people := make([]*person, n)
	for i := range people {
		people[i] = &person{h: h, at: i % 2}
	}
	h.each(people, func(p *person) {
		r := p.send(call{method: "POST", path: "/v1/shows/" + h.show + "/queue"}).want(http.StatusCreated)
		p.token = r.text("token")
		p.number = numberOf(h.t, p.token)
	})
	return people
}

// each does something for many people at once, some at a time.
func (h *hallOfPeople) each(people []*person, do func(*person)) {
	slots := make(chan struct{}, 32)
	var all sync.WaitGroup
	for _, p := range people {
		slots <- struct{}{}
		all.Go(func() { do(p); <-slots })
	}
	all.Wait()
}

// numberOf reads the number in a token; visitors do not, the tests may.
func numberOf(t *testing.T, token string) int64 {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "fr1."))
	must(t, err)
	var number, shift int64
	for _, octet := range raw[10:] {
		number |= int64(octet&0x7f) << shift
		if shift += 7; octet < 0x80 {
			break
		}
	}
	return number
}

func (p *person) send(c call) reply {
	p.h.t.Helper()
	c.crowd = true
	return send(p.h.t, p.h.gateways[p.at].url(), c)
}

// poll returns the state; "unavailable" while the gateway says to come again.
func (p *person) poll() string {
	p.h.t.Helper()
	r := p.send(call{method: "GET", path: "/v1/shows/" + p.h.show + "/queue", bearer: p.token})
	if r.status == http.StatusServiceUnavailable {
		return r.text("code")
	}
	r.want(http.StatusOK)
	if token := r.text("token"); token != "" {
		p.token = token
	}
	if pass := r.text("pass"); pass != "" {
		p.pass = pass
	}
	return r.text("state")
}

// pays asks until the gateway says how it went: under one key.
func (p *person) pays() reply {
	p.h.t.Helper()
	var r reply
	testenv.Wait(p.h.t, 40*time.Second, func() bool {
		r = p.send(call{method: "POST", path: "/v1/orders", bearer: p.pass, key: "pay", body: payment(p.hold)})
		return r.status != http.StatusServiceUnavailable
	}, "cannot pay")
	return r
}

// meanwhile runs the loss while payments and joins are under way.
func (h *hallOfPeople) meanwhile(lose func()) {
	ctx, stop := context.WithCancel(h.t.Context())
	var going sync.WaitGroup
	var mu sync.Mutex
	for w := range 4 {
		going.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				r := send(h.t, h.gateways[(w+i)%2].url(), call{method: "POST", path: "/v1/shows/" + h.show + "/queue"})
				if r.status == http.StatusCreated {
					p := &person{h: h, at: w % 2, token: r.text("token")}
					p.number = numberOf(h.t, p.token)
					mu.Lock()
					h.waiting = append(h.waiting, p)
					mu.Unlock()
				}
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
	for _, p := range h.paying {
		going.Go(func() { p.pays().want(http.StatusCreated) })
	}
	lose()
	lost := time.Now()
	testenv.Wait(h.t, 30*time.Second, func() bool {
		for _, g := range h.gateways {
			if !recovered(g, h.show) {
				return false
			}
		}
		return true
	}, "no gateway opens a new epoch: %s", h.gateways[0].logs)
	h.t.Logf("the room was open again %.1f s after the loss", time.Since(lost).Seconds())
	stop()
	going.Wait()
}

func recovered(p *process, show string) bool {
	r := p.admin("GET", "/v1/admin/shows/"+show, nil)
	stats := p.admin("GET", "/v1/admin/shows/"+show+"/stats", nil)
	return r.status == http.StatusOK && r.number("epoch") >= 2 && stats.status == http.StatusOK
}

func (h *hallOfPeople) client() redis.UniversalClient {
	client, err := openRedis(h.server.URL())
	must(h.t, err)
	h.t.Cleanup(func() { _ = client.Close() })
	return client
}

func (h *hallOfPeople) flush() {
	client := h.client()
	h.meanwhile(func() { must(h.t, client.FlushAll(h.t.Context()).Err()) })
}

// goBack puts Redis back to where it was two seconds ago, as a replica that lagged
// behind would when it takes over.
func (h *hallOfPeople) goBack() {
	ctx, client := h.t.Context(), h.client()
	keys, err := client.Keys(ctx, "fr:*").Result()
	must(h.t, err)
	dumps := map[string]string{}
	taken, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			p.Dump(ctx, key)
		}
		return nil
	})
	if !errors.Is(err, redis.Nil) { // a key that was empty by then is none
		must(h.t, err)
	}
	for i, key := range keys {
		if dump := taken[i].(*redis.StringCmd).Val(); dump != "" {
			dumps[key] = dump
		}
	}
	h.waiting = append(h.waiting, h.join(50)...)
	time.Sleep(2 * time.Second)
	h.meanwhile(func() {
		_, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.FlushAll(ctx)
			for key, dump := range dumps {
				p.Restore(ctx, key, 0, dump)
			}
			return nil
		})
		must(h.t, err)
	})
}

// isWhole checks, through the interface, that everybody is where they were.
func (h *hallOfPeople) isWhole() {
	t := h.t
	t.Helper()
	started := time.Now()
	defer func() { t.Logf("everybody was back and the next let in after %.1f s", time.Since(started).Seconds()) }()
	newcomer := h.join(1)[0]
	h.each(h.waiting, func(p *person) {
		testenv.Wait(t, 20*time.Second, func() bool { return p.poll() == "waiting" }, "number %d does not wait", p.number)
		if now := numberOf(t, p.token); now != p.number {
			t.Errorf("number %d became %d", p.number, now)
		}
	})
	h.each(h.inside, func(p *person) {
		want := "admitted"
		for _, paying := range h.paying {
			if paying == p {
				want = "finished"
			}
		}
		testenv.Wait(t, 20*time.Second, func() bool { return p.poll() == want }, "number %d is not %s", p.number, want)
		if now := numberOf(t, p.token); now != p.number {
			t.Errorf("number %d, inside, became %d", p.number, now)
		}
	})
	for _, p := range h.holding {
		p.pays().want(http.StatusCreated)
	}
	for _, p := range h.waiting {
		if p.number > newcomer.number {
			t.Errorf("a newcomer has number %d, before %d", newcomer.number, p.number)
		}
	}
	for _, p := range append(append([]*person(nil), h.holding...), h.paying...) {
		r := p.send(call{method: "GET", path: "/v1/orders", bearer: p.token}).want(http.StatusOK)
		orders := r.json()["orders"].([]any)
		if len(orders) != 1 || fmt.Sprint(orders[0].(map[string]any)["seats"]) != fmt.Sprintf("[%s]", p.seat) {
			t.Errorf("seat %s: orders %s", p.seat, r.body)
		}
	}

	// When it is over those are let in who were next before.
	slices.SortFunc(h.waiting, func(a, b *person) int { return int(a.number - b.number) })
	h.each(h.waiting[:20], func(p *person) {
		testenv.Wait(t, 60*time.Second, func() bool { return p.poll() == "admitted" }, "number %d is not let in", p.number)
	})
	if state := newcomer.poll(); state != "waiting" {
		t.Errorf("a newcomer got ahead: %s", state)
	}
	r := send(t, h.gateways[0].url(), call{method: "GET", path: "/v1/admin/verify?show=" + h.show, bearer: testAdmin}).want(http.StatusOK)
	var verdict struct{ Violations []json.RawMessage }
	must(t, json.Unmarshal(r.body, &verdict))
	for _, v := range verdict.Violations {
		t.Errorf("%s", v)
	}
}

// A long time without any gateway, five times what makes somebody absent: it was our
// outage, and nobody is absent or loses the place for it.
func TestATimeWithoutAnyGateway(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t)
	b := backend{redis: server.URL(), dsn: testenv.MySQL(t)}
	b.migrate(t)
	p := b.start(t, testenv.Binary(t))
	show := p.show(testShow("outage", map[string]any{"admit": 0, "absence_seconds": 6, "claim_seconds": 10}, 10))
	h := &hallOfPeople{t: t, gateways: [2]*process{p, p}, show: show}
	people := h.join(60)
	time.Sleep(3 * time.Second)

	p.kill()
	time.Sleep(30 * time.Second)
	p.start()
	p.onSale(show)
	present := func() int64 {
		return p.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK).number("present")
	}
	if n := present(); n != 60 {
		t.Errorf("%d of 60 are present after the outage", n)
	}
	for range 4 { // as told, through more windows than make somebody absent
		h.each(people, func(v *person) {
			if state := v.poll(); state != "waiting" || numberOf(t, v.token) != v.number {
				t.Errorf("number %d is %s", v.number, state)
			}
		})
		if n := present(); n != 60 {
			t.Errorf("%d of 60 are present", n)
		}
		time.Sleep(2 * time.Second)
	}
	// Their own silence does make them absent.
	testenv.Wait(t, 30*time.Second, func() bool { return present() == 0 }, "the silent are still present")
}
