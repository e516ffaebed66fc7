// Package receiver plays the services that Frontrow tells of its sales: the gateway
// that writes to buyers, and the data platform. It can be told to misbehave.
package receiver

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"frontrow/internal/signed"
)

// Behaviour is how the receiver answers. A share Fail (0 to 1) of the calls is refused
// with Status, 503 if it is 0, and RetryAfterSeconds where it is more than 0, and taken
// no notice of. DelayMS passes before a call is looked at, LateMS after it was taken and
// before it is answered.
type Behaviour struct {
	Fail              float64 `json:"fail"`
	Status            int     `json:"status"`
	RetryAfterSeconds int     `json:"retry_after_seconds"`
	DelayMS           int     `json:"delay_ms"`
	LateMS            int     `json:"late_ms"`
}

// Item is an event that was taken, and how often.
type Item struct {
	Via   string          `json:"via"` // notify or export
	ID    string          `json:"id"`
	Type  string          `json:"type"`
	Times int             `json:"times"`
	First time.Time       `json:"first"`
	Last  time.Time       `json:"last"`
	Body  json.RawMessage `json:"body"`
}

// Receiver keeps the latest of what it took.
type Receiver struct {
	secret string
	keep   int

	mu      sync.Mutex
	behaves Behaviour
	calls   int
	items   map[string]*Item
	order   []string
}

// New makes a receiver that keeps so many events. Notifications must be signed with the secret.
func New(secret string, keep int) *Receiver {
	return &Receiver{secret: secret, keep: keep, items: map[string]*Item{}}
}

// Behave changes how it answers from now on.
func (r *Receiver) Behave(b Behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behaves = b
}

// Received are the events that it took by one way ("" for any) and still remembers,
// the earliest first.
func (r *Receiver) Received(via string) []Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	items := []Item{}
	for _, key := range r.order {
		if item := r.items[key]; via == "" || item.Via == via {
			items = append(items, *item)
		}
	}
	return items
}

// Calls is how many calls came, refused or not.
func (r *Receiver) Calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// Handler serves POST /notify and /export, GET /received?via=, and PUT /behaviour.
func (r *Receiver) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /notify", r.takes("notify", r.notified))
	mux.HandleFunc("POST /export", r.takes("export", r.exported))
	mux.HandleFunc("GET /received", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"calls": r.Calls(), "received": r.Received(q.URL.Query().Get("via"))})
	})
	mux.HandleFunc("PUT /behaviour", func(w http.ResponseWriter, q *http.Request) {
		var b Behaviour
		if err := json.NewDecoder(io.LimitReader(q.Body, mostBody)).Decode(&b); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		r.Behave(b)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// mostBody is more than any call has, bytes.
const mostBody = 8 << 20

// errUnsigned refuses a notification that anybody could have sent.
var errUnsigned = errors.New("not signed")

func (r *Receiver) takes(via string, read func(*http.Request, []byte) ([]Item, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		b := r.behaves
		r.calls++
		r.mu.Unlock()
		wait(q, b.DelayMS)
		body, err := io.ReadAll(io.LimitReader(q.Body, mostBody))
		if err != nil {
			return // nobody is left to tell
		}
		if b.Fail > 0 && rand.Float64() < b.Fail {
			if b.RetryAfterSeconds > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(b.RetryAfterSeconds))
			}
			http.Error(w, "told to fail", cmp.Or(b.Status, http.StatusServiceUnavailable))
			return
		}
		items, err := read(q, body)
		switch {
		case errors.Is(err, errUnsigned):
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		case err != nil:
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		r.take(via, items)
		wait(q, b.LateMS)
		w.WriteHeader(http.StatusNoContent)
	}
}

// wait lasts as long as the caller has patience, at the most.
func wait(q *http.Request, ms int) {
	t := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-q.Context().Done():
	}
}

func (r *Receiver) take(via string, items []Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now().UTC()
	for _, item := range items {
		key := via + " " + item.ID
		known, ok := r.items[key]
		if !ok {
			item.Via, item.First = via, now
			known = &item
			r.items[key] = known
			r.order = append(r.order, key)
		}
		known.Times++
		known.Last = now
	}
	for len(r.order) > r.keep {
		delete(r.items, r.order[0])
		r.order = r.order[1:]
	}
}

// notified reads a notification as the gateways that write to buyers want it.
func (r *Receiver) notified(q *http.Request, body []byte) ([]Item, error) {
	if err := signed.Check(r.secret, q.Header.Get(signed.Header), time.Now(), body); err != nil {
		return nil, errUnsigned
	}
	var n struct {
		ID, Type, To, Locale, Template, Text string
		Variables                            map[string]any
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, err
	}
	if n.ID == "" || n.Type == "" || n.To == "" || n.Locale == "" || n.Template == "" || n.Text == "" || n.Variables == nil {
		return nil, errors.New("a notification has id, type, to, locale, template, text and variables")
	}
	if q.Header.Get("Idempotency-Key") != n.ID {
		return nil, errors.New("the Idempotency-Key must be the id")
	}
	return []Item{{ID: n.ID, Type: n.Type, Body: body}}, nil
}

// exported reads a batch of CloudEvents 1.0.
func (r *Receiver) exported(q *http.Request, body []byte) ([]Item, error) {
	if q.Header.Get("Content-Type") != "application/cloudevents-batch+json" {
		return nil, errors.New("the Content-Type must be application/cloudevents-batch+json")
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, err
	}
	var items []Item
	for _, event := range raw {
		var e struct{ SpecVersion, ID, Source, Type string }
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		if e.SpecVersion != "1.0" || e.ID == "" || e.Source == "" || e.Type == "" {
			return nil, errors.New("an event has specversion 1.0, id, source and type")
		}
		items = append(items, Item{ID: e.ID, Type: e.Type, Body: event})
	}
	return items, nil
}
