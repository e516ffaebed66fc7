package events

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"text/template"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"frontrow/booking"
	"frontrow/internal/signed"
)

//go:embed messages/*.tmpl
var messages embed.FS

// Locales are the languages that buyers can be written to in: a file each in messages.
var Locales = []string{"ko", "en", "ja"}

// NotifyOptions say how buyers are written to: by the webhook of a gateway that turns
// a notification into a mail or an Alimtalk, signed with the secret, in the language.
// Title tells a show's title by its id.
type NotifyOptions struct {
	URL, Secret, Locale string
	Title               func(show string) string
}

// notification is what the gateway is sent. Its id is the event's.
type notification struct {
	ID        string           `json:"id"`
	Type      string           `json:"type"`
	Version   int              `json:"version"`
	To        string           `json:"to"`
	Locale    string           `json:"locale"`
	Template  string           `json:"template"`
	Text      string           `json:"text"`
	Variables messageVariables `json:"variables"`
}

// messageVariables are what the texts are made of, for gateways that have texts of
// their own. Amount is as people write it, with its currency.
type messageVariables struct {
	Order  string `json:"order"`
	Show   string `json:"show"`
	Title  string `json:"title"`
	Seats  string `json:"seats"`
	Amount string `json:"amount"`
	Method string `json:"method"`
	Reason string `json:"reason"`
	Until  string `json:"until,omitempty"` // RFC 3339, UTC; of a place that is called
}

// Notify is the listener that tells the buyer what became of the order, and somebody on
// the waiting list that it is their turn. It returns an
// error for a language that there are no texts in.
func Notify(o NotifyOptions) (Listener, error) {
	texts, err := template.ParseFS(messages, "messages/"+o.Locale+".tmpl")
	if err != nil {
		return Listener{}, fmt.Errorf("no messages in %q: %w", o.Locale, err)
	}
	to := newService(o.URL)
	return Listener{
		Name:    "notify",
		Types:   append([]string{booking.PlaceCalled}, outwardTypes...),
		Timeout: 10 * time.Second,
		Handle: func(ctx context.Context, e booking.Event) error {
			n, err := o.notification(texts, e)
			if err != nil {
				return Permanent(err)
			}
			body, err := json.Marshal(n)
			if err != nil {
				return Permanent(err)
			}
			return to.post(ctx, "application/json", map[string]string{
				signed.Header: signed.Sign(o.Secret, time.Now(), body), "Idempotency-Key": e.ID,
			}, body)
		},
		Close: to.close,
	}, nil
}

func (o NotifyOptions) notification(texts *template.Template, e booking.Event) (notification, error) {
	v, err := o.variables(e)
	if err != nil {
		return notification{}, err
	}
	var text strings.Builder
	if err := texts.ExecuteTemplate(&text, e.Type, v); err != nil {
		return notification{}, err
	}
	return notification{
		ID: e.ID, Type: e.Type, Version: booking.PayloadVersion, To: e.Visitor, Locale: o.Locale,
		Template: e.Type, Text: text.String(), Variables: v,
	}, nil
}

func (o NotifyOptions) variables(e booking.Event) (messageVariables, error) {
	v := messageVariables{Show: e.Show, Title: o.Title(e.Show)}
	if e.Type == booking.PlaceCalled {
		place, err := e.OfPlace()
		v.Until = time.UnixMicro(place.Until).UTC().Format(time.RFC3339)
		return v, err
	}
	order, err := e.OfOrder()
	v.Order, v.Seats, v.Method, v.Reason = order.Order, strings.Join(order.Seats, ", "), order.Method, order.Reason
	v.Amount = money(o.Locale, order.Amount, order.Currency)
	return v, err
}

// money writes an amount in a currency's minor unit as its readers do: 165000 KRW as
// "165,000 KRW", 1050 USD as "10.50 USD".
func money(locale string, amount int64, code string) string {
	digits := 0
	if unit, err := currency.ParseISO(code); err == nil {
		digits, _ = currency.Standard.Rounding(unit)
	}
	major := float64(amount) / math.Pow10(digits)
	return message.NewPrinter(language.Make(locale)).Sprint(number.Decimal(major, number.Scale(digits))) + " " + code
}
