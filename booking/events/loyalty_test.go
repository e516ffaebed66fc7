package events

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"frontrow/booking"
)

// The example of docs/listeners.md, word for word:

// Loyalty is the listener that gives buyers a point for every thousand that they paid.
// give must give nothing for an id that it has given for already.
func Loyalty(give func(ctx context.Context, id, visitor string, points int64) error) Listener {
	return Listener{
		Name:    "loyalty",
		Types:   []string{booking.OrderPaid},
		Timeout: 5 * time.Second,
		Handle: func(ctx context.Context, e booking.Event) error {
			order, err := e.OfOrder()
			if err != nil {
				return err
			}
			return give(ctx, e.ID, e.Visitor, order.Amount/1000)
		},
	}
}

func TestTheExampleOfTheDocsWorks(t *testing.T) {
	t.Parallel()
	var given sync.Map
	l := Loyalty(func(_ context.Context, id, visitor string, points int64) error {
		given.Store(visitor, points)
		return nil
	})
	eachHouse(t, []Listener{l}, func(t *testing.T, h *house) {
		who := "buyer-" + t.Name()[len(t.Name())-5:]
		h.buy(who)
		check1(New(h.store, []Listener{l}, nil).RunOnce(t.Context()))(t)
		if points, ok := given.Load(who); !ok || points != int64(0) { // the seat is free of charge
			t.Errorf("given %v", points)
		}
	})
	e := orderEvent(booking.OrderPaid)
	check0(t, l.Handle(t.Context(), e))
	if points, _ := given.Load(e.Visitor); points != int64(330) {
		t.Errorf("given %v", points)
	}
}

func TestTheExampleOfTheDocsIsThisOne(t *testing.T) {
	t.Parallel()
	page := string(check1(os.ReadFile("../../docs/listeners.md"))(t))
	source := string(check1(os.ReadFile("loyalty_test.go"))(t))
	_, example, ok := strings.Cut(page, "```go\n// Loyalty")
	example, _, ended := strings.Cut(example, "```")
	if !ok || !ended || !strings.Contains(source, "// Loyalty"+example) {
		t.Error("docs/listeners.md shows another example")
	}
}
