// Package fakepay is a payment provider for demos and tests: it takes money that does
// not exist, and goes wrong in every way that providers do, by the card that it is
// shown or by chance.
package fakepay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"frontrow/internal/signed"
)

// Options are what the provider can be told.
type Options struct {
	// Rates say by behaviour how many of the charges of card_ok meet it, from 0 to 1.
	Rates map[string]float64
	// Slow is how long a slow answer takes, and Late how long after one a payment is
	// captured that was pending. Defaults: 3 s, 2 s.
	Slow, Late time.Duration
	// WebhookURL is told of every outcome, signed with WebhookSecret; empty: nobody is.
	WebhookURL, WebhookSecret string
	// Key is the bearer token that callers must show; empty: none.
	Key string
	// File keeps the payments over a restart, a line of JSON a change; empty: memory.
	File   string
	Logger *slog.Logger
}

// Payment is what the provider knows of a charge.
type Payment struct {
	Payment  string `json:"payment"`
	State    string `json:"state"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Reason   string `json:"reason,omitempty"`
	// Charges counts how often money was really taken: never more than once.
	Charges int `json:"charges"`

	behaviour string
}

// The states of a payment.
const (
	pending  = "pending"
	captured = "captured"
	declined = "declined"
	refunded = "refunded"
	void     = "void"
)

// Behaviours by name: a card `card_<name>` meets it, and Rates names them.
var behaviours = map[string]string{
	"ok":             "captured at once",
	"declined":       "declined",
	"slow":           "captured, and answered after --slow",
	"late":           "answered as pending, captured after --late",
	"never":          "answered as pending for good",
	"twice":          "captured, and told twice by webhook",
	"lost":           "captured, and the answer is lost",
	"unheard":        "the connection breaks before anything happens",
	"down":           "answered 503, nothing happens",
	"garbage":        "captured, and answered with something that is not JSON",
	"wrong_amount":   "captured, and answered with another amount",
	"wrong_currency": "captured, and answered in another currency",
}

// Behaviours tells what cards there are, by name.
func Behaviours() map[string]string { return behaviours }

// Provider serves the payment provider's interface.
type Provider struct {
	o    Options
	http *http.Client
	stop context.CancelFunc
	ctx  context.Context

	mu       sync.Mutex
	payments map[string]*Payment
	down     bool
	file     *os.File
	later    sync.WaitGroup
}

// New makes a Provider; Close ends what it does later.
func New(o Options) (*Provider, error) {
	for name, rate := range o.Rates {
		if _, ok := behaviours[name]; !ok || rate < 0 || rate > 1 {
			return nil, fmt.Errorf("rate %s=%g: want one of the behaviours, and from 0 to 1", name, rate)
		}
	}
	for d, def := range map[*time.Duration]time.Duration{&o.Slow: 3 * time.Second, &o.Late: 2 * time.Second} {
		if *d == 0 {
			*d = def
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Provider{o: o, payments: map[string]*Payment{}, http: &http.Client{Timeout: 5 * time.Second}}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p, p.load()
}

// Close waits for nothing that is still to come.
func (p *Provider) Close() {
	p.stop()
	p.later.Wait()
	if p.file != nil {
		_ = p.file.Close()
	}
}

// load reads the file, where the last line of a payment counts.
func (p *Provider) load() error {
	if p.o.File == "" {
		return nil
	}
	file, err := os.OpenFile(p.o.File, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	p.file = file
	for lines := json.NewDecoder(file); ; {
		var known Payment
		if err := lines.Decode(&known); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", p.o.File, err)
		}
		p.payments[known.Payment] = &known
	}
}

// keep writes a payment down; p.mu is held.
func (p *Provider) keep(known *Payment) {
	if p.file == nil {
		return
	}
	if line, err := json.Marshal(known); err == nil {
		if _, err := p.file.Write(append(line, '\n')); err != nil {
			p.o.Logger.Error("payment not kept", "error", err)
		}
	}
}

// SetDown makes the provider answer 503 to everything, or no longer.
func (p *Provider) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Payments are all that it knows.
func (p *Provider) Payments() map[string]Payment {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[string]Payment, len(p.payments))
	for id, known := range p.payments {
		all[id] = *known
	}
	return all
}

// capture takes the money, once.
func (p *Provider) capture(id string) (Payment, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.payments[id]
	if known.State != pending {
		return *known, false
	}
	known.State, known.Captured, known.Charges = captured, known.Amount, known.Charges+1
	p.keep(known)
	return *known, true
}

// tell calls back, some times over, and does not mind whether anybody listens.
func (p *Provider) tell(known Payment, times int) {
	if p.o.WebhookURL == "" {
		return
	}
	body, err := json.Marshal(map[string]any{
		"id": fmt.Sprintf("%s-%s", known.Payment, known.State), "type": "payment." + known.State, "payment": known.Payment,
	})
	if err != nil {
		return
	}
	p.afterwards(0, func() {
		for range times {
			request, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.o.WebhookURL, bytes.NewReader(body))
			if err != nil {
				return
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set(signed.Header, signed.Sign(p.o.WebhookSecret, time.Now(), body))
			response, err := p.http.Do(request)
			if err != nil {
				p.o.Logger.Warn("webhook not delivered", "payment", known.Payment, "error", err)
				continue
			}
			_ = response.Body.Close()
		}
	})
}

func (p *Provider) afterwards(d time.Duration, do func()) {
	p.later.Go(func() {
		select {
		case <-p.ctx.Done():
		case <-time.After(d):
			do()
		}
	})
}

// behaviour is what a card meets.
func (p *Provider) behaviour(card string) string {
	name, _ := strings.CutPrefix(card, "card_")
	if _, ok := behaviours[name]; !ok || name == card {
		return "declined"
	}
	if name != "ok" {
		return name
	}
	draw := rand.Float64()
	for _, behaviour := range slices.Sorted(maps.Keys(p.o.Rates)) {
		if draw -= p.o.Rates[behaviour]; draw < 0 {
			return behaviour
		}
	}
	return name
}
