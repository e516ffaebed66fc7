package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"frontrow/booking/events"
)

// outwardConfig names who else is told of sales; each is told when it is named.
type outwardConfig struct {
	NotifyURL    string `name:"notify-url" env:"FRONTROW_NOTIFY_URL" help:"Webhook that writes to buyers (mail, Alimtalk)." placeholder:"URL"`
	NotifySecret string `name:"notify-secret" env:"FRONTROW_NOTIFY_SECRET" help:"Signs what the webhook is sent; 16 characters or more." placeholder:"SECRET"`
	NotifyLocale string `name:"notify-locale" env:"FRONTROW_NOTIFY_LOCALE" default:"ko" help:"Language that buyers are written to in: ko, en or ja."`
	ExportURL    string `name:"export-url" env:"FRONTROW_EXPORT_URL" help:"Where the data platform takes CloudEvents in batches." placeholder:"URL"`
	BusURL       string `name:"bus-url" env:"FRONTROW_BUS_URL" help:"Bus to other services: redis://…?stream=, nats://…?stream= or kafka://b1:9092,b2:9092?topic=." placeholder:"URL"`
}

// check returns everything that is wrong with it, in one error. It does not repeat URLs:
// there may be passwords in them.
func (c outwardConfig) check() error {
	var errs []error
	for _, u := range [][2]string{{"FRONTROW_NOTIFY_URL", c.NotifyURL}, {"FRONTROW_EXPORT_URL", c.ExportURL}} {
		if u[1] != "" && !isHTTP(u[1]) {
			errs = append(errs, fmt.Errorf("%s must be http(s)://host/path", u[0]))
		}
	}
	if c.NotifyURL != "" {
		if len(c.NotifySecret) < leastSecret {
			errs = append(errs, fmt.Errorf("FRONTROW_NOTIFY_SECRET must have %d characters or more where FRONTROW_NOTIFY_URL is set", leastSecret))
		}
		if !slices.Contains(events.Locales, c.NotifyLocale) {
			errs = append(errs, fmt.Errorf("FRONTROW_NOTIFY_LOCALE must be one of %s", strings.Join(events.Locales, ", ")))
		}
	}
	if c.BusURL != "" {
		if err := events.CheckBus(c.BusURL); err != nil {
			errs = append(errs, fmt.Errorf("FRONTROW_BUS_URL %w", err))
		}
	}
	return errors.Join(errs...)
}

// listeners are those that are configured. source is where events say that they come
// from; title tells a show's title.
func (c outwardConfig) listeners(source string, title func(show string) string) ([]events.Listener, error) {
	var listeners []events.Listener
	if c.NotifyURL != "" {
		l, err := events.Notify(events.NotifyOptions{URL: c.NotifyURL, Secret: c.NotifySecret, Locale: c.NotifyLocale, Title: title})
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	if c.ExportURL != "" {
		listeners = append(listeners, events.Export(c.ExportURL, source))
	}
	if c.BusURL != "" {
		l, err := events.Publish(c.BusURL, source)
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}
