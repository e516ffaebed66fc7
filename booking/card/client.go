// Package card speaks to a payment provider over HTTP, as docs/payments.md states it.
package card

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"

	"frontrow/booking"
	"frontrow/internal/flow"
	"frontrow/internal/outward"
)

// Options say where the provider is.
type Options struct {
	// URL is the provider's base; calls go to URL/v1/payments.
	URL string
	// Key proves who asks, as a bearer token; may be empty.
	Key string
	// Timeout bounds one try. Default: 5 s.
	Timeout time.Duration
	// Transport is the way to the provider. Default: one of its own.
	Transport http.RoundTripper
}

const (
	// tries of a call that got no answer; each is idempotent by the order's id.
	tries = 3
	// The breaker opens after so many calls in a row without an answer, and lets one
	// through again after a while.
	breakAfter = 5
	breakFor   = 5 * time.Second
	// mostAnswer is the longest answer that is read, in bytes.
	mostAnswer = 64 << 10
)

// Client is a booking.Provider.
type Client struct {
	base    string
	key     string
	timeout time.Duration
	http    *http.Client
	breaker *gobreaker.CircuitBreaker[booking.Payment]
}

var _ booking.Provider = (*Client)(nil)

// New makes a Client; it calls nobody yet.
func New(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 64
		t.Proxy = nil
		o.Transport = t
	}
	return &Client{
		base: strings.TrimSuffix(o.URL, "/") + "/v1/payments", key: o.Key, timeout: o.Timeout,
		http: outward.NewClient(o.Transport),
		breaker: gobreaker.NewCircuitBreaker[booking.Payment](gobreaker.Settings{
			Name: "payment provider", Timeout: breakFor,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakAfter },
			IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, booking.ErrPaymentUnknown) },
			IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
		}),
	}
}

type chargeJSON struct {
	Payment  string `json:"payment"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Card     string `json:"card"`
	Capture  bool   `json:"capture"`
}

type paymentJSON struct {
	Payment  string `json:"payment"`
	State    string `json:"state"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Reason   string `json:"reason"`
}

// Charge implements booking.Provider.
func (c *Client) Charge(ctx context.Context, charge booking.Charge) (booking.Payment, error) {
	body, err := json.Marshal(chargeJSON{charge.Order, charge.Amount, charge.Currency, charge.Card, true})
	if err != nil {
		return booking.Payment{}, err
	}
	return c.call(ctx, call{method: http.MethodPost, key: charge.Order, body: body})
}

// Find implements booking.Provider.
func (c *Client) Find(ctx context.Context, order string) (booking.Payment, error) {
	return c.call(ctx, call{method: http.MethodGet, path: "/" + url.PathEscape(order)})
}

// Refund implements booking.Provider.
func (c *Client) Refund(ctx context.Context, order string) (booking.Payment, error) {
	return c.call(ctx, call{method: http.MethodPost, path: "/" + url.PathEscape(order) + "/refund", key: order + "-refund"})
}

type call struct {
	method, path, key string
	body              []byte
}

// call tries until there is an answer. What did not leave the house in any try is
// booking.ErrNotCharged.
func (c *Client) call(ctx context.Context, what call) (booking.Payment, error) {
	sent := false
	try := func() (booking.Payment, error) {
		p, err := c.breaker.Execute(func() (booking.Payment, error) { return c.once(ctx, what) })
		if err == nil {
			return p, nil
		}
		if errors.Is(err, booking.ErrPaymentUnknown) || errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			return p, backoff.Permanent(err)
		}
		sent = sent || !notSent(err)
		return p, err
	}
	pause := backoff.NewExponentialBackOff() // half as much again each time, spread by half
	pause.InitialInterval = 100 * time.Millisecond
	p, err := backoff.Retry(ctx, try, backoff.WithBackOff(pause), backoff.WithMaxTries(tries))
	switch {
	case err == nil, errors.Is(err, booking.ErrPaymentUnknown):
	case !sent:
		err = fmt.Errorf("%w: %w", booking.ErrNotCharged, err)
	default:
		err = fmt.Errorf("payment provider: %w", err)
	}
	return p, err
}

// refusal is an answer that says nothing of a payment. Asking again helps where the
// provider is busy, not where it does not understand.
func refusal(status int) error {
	err := fmt.Errorf("answered %d", status)
	if outward.Refuses(status) {
		return backoff.Permanent(err)
	}
	return err
}

// notSent tells whether nobody can have seen the request.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// once asks once. 2xx and 402, a declined card, are answers; everything else is none.
func (c *Client) once(ctx context.Context, what call) (booking.Payment, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, what.method, c.base+what.path, bytes.NewReader(what.body))
	if err != nil {
		return booking.Payment{}, err
	}
	request.Header.Set("Accept", "application/json")
	if what.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if what.key != "" {
		request.Header.Set("Idempotency-Key", what.key)
	}
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	if parent := flow.Parent(ctx); parent != "" {
		request.Header.Set(flow.Header, parent)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return booking.Payment{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	switch {
	case err != nil:
		return booking.Payment{}, err
	case what.method == http.MethodGet && response.StatusCode == http.StatusNotFound:
		return booking.Payment{}, booking.ErrPaymentUnknown
	case response.StatusCode/100 != 2 && response.StatusCode != http.StatusPaymentRequired:
		return booking.Payment{}, refusal(response.StatusCode)
	case len(raw) > mostAnswer:
		return booking.Payment{}, errors.New("answered at too great a length")
	}
	var p paymentJSON
	if err := json.Unmarshal(raw, &p); err != nil {
		return booking.Payment{}, fmt.Errorf("answered something that is not a payment: %w", err)
	}
	return booking.Payment{
		Order: p.Payment, State: p.State, Amount: p.Amount, Currency: p.Currency,
		Captured: p.Captured, Refunded: p.Refunded, Reason: p.Reason,
	}, nil
}
