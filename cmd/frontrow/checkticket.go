package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"frontrow/internal/ticket"
)

type checkticketCommand struct {
	Keys      string   `required:"" help:"The gateway's /.well-known/jwks.json: a file that was kept, or its address." placeholder:"PATH|URL"`
	Show      string   `required:"" help:"The show at this gate." placeholder:"SHOW"`
	Cancelled string   `type:"existingfile" help:"Orders that were cancelled, one a line, as the box office last knew them." placeholder:"PATH"`
	Codes     []string `arg:"" optional:"" help:"What the QR codes say; without any, a line each from standard input, as scanners type them."`
}

// mostKeys is how long a key set may be, in bytes.
const mostKeys = 1 << 20

// Run says of each code who it lets in, and fails if one lets in nobody. Nothing but the
// keys is asked for, and they only if they are at an address.
func (k *checkticketCommand) Run(ctx context.Context, to console) error {
	e := entrance{show: k.Show, cancelled: map[string]bool{}, inside: map[string]string{}}
	set, err := k.keySet(ctx)
	if err != nil {
		return err
	}
	if e.keys, err = ticket.Keys(set); err != nil {
		return fmt.Errorf("%s: %w", k.Keys, err)
	}
	if k.Cancelled != "" {
		raw, err := os.ReadFile(k.Cancelled)
		if err != nil {
			return err
		}
		for _, order := range strings.Fields(string(raw)) {
			e.cancelled[order] = true
		}
	}
	refused := false
	for code, err := range k.codes(os.Stdin) {
		if err != nil {
			return err
		}
		t, err := e.admit(code)
		if err != nil {
			refused = true
			fmt.Fprintf(to.out, "refused: %v\n", err)
			continue
		}
		fmt.Fprintf(to.out, "good: seat %s, order %s\n", t.Seat, t.Order)
	}
	if refused {
		return errSilent
	}
	return nil
}

func (k *checkticketCommand) keySet(ctx context.Context) ([]byte, error) {
	if !strings.HasPrefix(k.Keys, "http://") && !strings.HasPrefix(k.Keys, "https://") {
		return os.ReadFile(k.Keys)
	}
	body, err := fetch(ctx, k.Keys)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, mostKeys))
}

// codes are those of the command line, or else the lines of in.
func (k *checkticketCommand) codes(in io.Reader) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, code := range k.Codes {
			if !yield(code, nil) {
				return
			}
		}
		if len(k.Codes) > 0 {
			return
		}
		lines := bufio.NewScanner(in)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" && !yield(line, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield("", err)
		}
	}
}

// entrance is where tickets are shown: it lets each seat in once.
type entrance struct {
	show      string
	keys      map[string]ed25519.PublicKey
	cancelled map[string]bool
	inside    map[string]string // seat → order
}

// admit lets the bearer of a code in, or says why not.
func (e *entrance) admit(code string) (ticket.Ticket, error) {
	t, err := ticket.Check(code, e.keys)
	switch {
	case err != nil:
		return t, err
	case t.Show != e.show:
		return t, fmt.Errorf("this ticket is for another show, %s", t.Show)
	case e.cancelled[t.Order]:
		return t, fmt.Errorf("order %s was cancelled", t.Order)
	case e.inside[t.Seat] == t.Order:
		return t, fmt.Errorf("seat %s is inside already: this code was shown before", t.Seat)
	case e.inside[t.Seat] != "":
		return t, errors.New(e.sold(t))
	}
	e.inside[t.Seat] = t.Order
	return t, nil
}

// sold tells of a seat that was sold twice over time: the order that is not the later one
// must have been cancelled.
func (e *entrance) sold(t ticket.Ticket) string {
	later := max(t.Order, e.inside[t.Seat]) // ids grow with time
	return fmt.Sprintf("seat %s is inside already by order %s, and this is order %s: one of them was cancelled; %s is the later one",
		t.Seat, e.inside[t.Seat], t.Order, later)
}
