package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"frontrow/booking"
	"frontrow/booking/card"
	"frontrow/internal/fakepay"
)

// cardConfig says how cards are paid with.
type cardConfig struct {
	PaymentURL     string        `name:"payment-url" env:"FRONTROW_PAYMENT_URL" help:"Base URL of the payment provider. Empty: cards are not taken; embedded: a fake one of its own." placeholder:"URL"`
	PaymentKey     string        `name:"payment-key" env:"FRONTROW_PAYMENT_KEY" help:"Bearer token for the payment provider." placeholder:"TOKEN"`
	PaymentTimeout time.Duration `name:"payment-timeout" env:"FRONTROW_PAYMENT_TIMEOUT" default:"5s" help:"How long one try of a call to the payment provider may take."`
	PaymentSlot    time.Duration `name:"payment-slot" env:"FRONTROW_PAYMENT_SLOT" default:"2m" help:"How long a buyer stays inside while a payment has no outcome."`
	PaymentSeats   time.Duration `name:"payment-seats" env:"FRONTROW_PAYMENT_SEATS" default:"10m" help:"How long seats wait for the outcome of a payment."`
	WebhookSecret  string        `name:"payment-webhook-secret" env:"FRONTROW_PAYMENT_WEBHOOK_SECRET" help:"Secret that signs what the payment provider tells by webhook." placeholder:"SECRET"`
}

// Bounds of what cards may be told.
const (
	leastPaymentTimeout = 100 * time.Millisecond
	mostPaymentTimeout  = time.Minute
	mostPaymentSeats    = 24 * time.Hour
)

func (c cardConfig) check() error {
	var errs []error
	if c.PaymentURL != "" && !isHTTP(c.PaymentURL) {
		errs = append(errs, errors.New("FRONTROW_PAYMENT_URL must be http(s)://host, and may have a path"))
	}
	if c.PaymentTimeout < leastPaymentTimeout || c.PaymentTimeout > mostPaymentTimeout {
		errs = append(errs, fmt.Errorf("FRONTROW_PAYMENT_TIMEOUT must be from %v to %v", leastPaymentTimeout, mostPaymentTimeout))
	}
	if c.PaymentSlot < time.Second || c.PaymentSlot > c.PaymentSeats {
		errs = append(errs, errors.New("FRONTROW_PAYMENT_SLOT must be from 1s to FRONTROW_PAYMENT_SEATS"))
	}
	if c.PaymentSeats > mostPaymentSeats {
		errs = append(errs, fmt.Errorf("FRONTROW_PAYMENT_SEATS must be at most %v", mostPaymentSeats))
	}
	if c.WebhookSecret != "" && len(c.WebhookSecret) < leastSecret {
		errs = append(errs, fmt.Errorf("FRONTROW_PAYMENT_WEBHOOK_SECRET must have %d characters or more", leastSecret))
	}
	return errors.Join(errs...)
}

// payments is what the sale is told of cards. A request waits for the provider as long
// as three tries may take.
func (c cardConfig) payments() booking.PaymentOptions {
	o := booking.PaymentOptions{Answer: 3 * c.PaymentTimeout, Slot: c.PaymentSlot, Seats: c.PaymentSeats}
	if c.PaymentURL != "" {
		o.Provider = card.New(card.Options{URL: c.PaymentURL, Key: c.PaymentKey, Timeout: c.PaymentTimeout})
	}
	return o
}

type fakepayCommand struct {
	Listen        string             `default:"127.0.0.1:8090" help:"Address of the provider."`
	WebhookURL    string             `name:"webhook-url" help:"Who is told of every outcome, such as http://127.0.0.1:8080/v1/payments/webhook." placeholder:"URL"`
	WebhookSecret string             `name:"webhook-secret" env:"FRONTROW_PAYMENT_WEBHOOK_SECRET" help:"Secret that signs the webhooks." placeholder:"SECRET"`
	Key           string             `env:"FRONTROW_PAYMENT_KEY" help:"Bearer token that callers must show." placeholder:"TOKEN"`
	Rate          map[string]float64 `help:"How many of the charges of card_ok go another way, such as lost=0.05;declined=0.1." placeholder:"BEHAVIOUR=SHARE"`
	Slow          time.Duration      `default:"3s" help:"How long a slow answer takes."`
	Late          time.Duration      `default:"2s" help:"How long after its answer a late payment is captured."`
	File          string             `help:"Where payments are kept over a restart. Empty: in memory." placeholder:"PATH"`
}

// Run takes payments until ctx ends.
func (f *fakepayCommand) Run(ctx context.Context, to console) error {
	p, err := startProvider(f.Listen, fakepay.Options{
		Rates: f.Rate, Slow: f.Slow, Late: f.Late, WebhookURL: f.WebhookURL, WebhookSecret: f.WebhookSecret,
		Key: f.Key, File: f.File, Logger: newLogger(to.err, slog.LevelInfo),
	})
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Fprintf(to.out, "fake payment provider at %s; the cards:\n", p.URL())
	cards := fakepay.Behaviours()
	for _, name := range slices.Sorted(maps.Keys(cards)) {
		fmt.Fprintf(to.out, "  card_%-16s %s\n", name, cards[name])
	}
	<-ctx.Done()
	return nil
}

// fakeProvider is a fake payment provider at an address of its own.
type fakeProvider struct {
	*fakepay.Provider
	server   *http.Server
	listener net.Listener
}

// startFake starts the one that the embedded default brings along.
func startFake(file string) (*fakeProvider, error) {
	return startProvider("127.0.0.1:0", fakepay.Options{File: file})
}

func startProvider(address string, o fakepay.Options) (*fakeProvider, error) {
	p, err := fakepay.New(o)
	if err != nil {
		return nil, err
	}
	f := &fakeProvider{Provider: p}
	if f.listener, err = net.Listen("tcp", address); err != nil {
		p.Close()
		return nil, err
	}
	f.server = &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = f.server.Serve(f.listener) }() // it ends with Close
	return f, nil
}

// URL is where the provider listens.
func (f *fakeProvider) URL() string { return "http://" + f.listener.Addr().String() }

// Close ends the provider.
func (f *fakeProvider) Close() {
	f.Provider.Close()
	_ = f.server.Close()
}
