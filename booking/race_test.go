package booking

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"frontrow/internal/testenv"
)

// Whatever many gateways do at the same time, a seat is sold once, money
// balances, and nobody has more seats than the show allows.
func TestRaceForOverlappingSeatsKeepsEveryInvariant(t *testing.T) {
	t.Parallel()
	h := realHall(t)
	gateways := []*Store{h.Store, h.gateway(t)}
	layout := must1(h.Layout(t.Context(), h.show))(t)
	var paid atomic.Int64
	var racers sync.WaitGroup
	for i := range 12 {
		s := gateways[i%len(gateways)]
		racers.Go(func() {
			for range 12 {
				n, err := attempt(t, s, h, layout)
				var taken *SeatsTakenError
				if err != nil && !errors.As(err, &taken) {
					t.Error(err)
				}
				paid.Add(int64(n))
			}
		})
	}
	racers.Wait()
	if paid.Load() == 0 {
		t.Error("nobody got a seat")
	}
	if n := h.count(t, &ticketRow{}, "show_id = ?", h.show.ID); n != paid.Load() {
		t.Errorf("%d seats paid, %d tickets", paid.Load(), n)
	}
	h.intact(t)
}

// attempt holds one to three random seats and releases or pays them. It tells
// how many it paid.
func attempt(t *testing.T, s *Store, h *hall, layout *Layout) (int, error) {
	r := h.request()
	for _, o := range rand.Perm(layout.Len())[:1+rand.IntN(3)] {
		r.Seats = append(r.Seats, layout.Seat(o))
	}
	hold, err := s.Hold(t.Context(), r)
	if err != nil {
		return 0, err
	}
	if rand.IntN(3) > 0 {
		_, err = s.Release(t.Context(), r.Visitor, hold.ID)
		return 0, err
	}
	if _, err := s.Charge(t.Context(), r.Visitor, 1000, "charge", "test"); err != nil {
		return 0, err
	}
	_, err = s.PayFromWallet(t.Context(), PayRequest{Visitor: r.Visitor, HoldID: hold.ID, Key: "pay", BodyHash: "hash", Now: s.Now()})
	return len(r.Seats), err
}

// One of two hundred gets the seat, and the database never hears of the others.
func TestRaceForOneSeatReachesTheDatabaseOnce(t *testing.T) {
	t.Parallel()
	server := testenv.OwnMySQL(t)
	h := openHall(t, testenv.Redis(t), server.DSN())
	other := h.gateway(t)
	for _, s := range []*Store{h.Store, other} {
		must1(s.Layout(t.Context(), h.show))(t) // cached, as in a gateway at work
	}
	before := status(t, h.Store)
	var won, lost atomic.Int64
	var racers sync.WaitGroup
	start := make(chan struct{})
	for i := range 200 {
		s := []*Store{h.Store, other}[i%2]
		racers.Go(func() {
			<-start
			_, err := s.Hold(t.Context(), h.request("A-1-1"))
			var taken *SeatsTakenError
			switch {
			case err == nil:
				won.Add(1)
			case errors.As(err, &taken):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(start)
	racers.Wait()
	after := status(t, h.Store)
	if won.Load() != 1 || lost.Load() != 199 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	for name, want := range map[string]int64{"Com_begin": 1, "Com_commit": 1, "Com_rollback": 0, "Com_insert": 2, "Com_update": 1, "Com_select": 0} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	h.intact(t)
}

// status is what the server itself counts of statements.
func status(t *testing.T, s *Store) map[string]int64 {
	t.Helper()
	var rows []struct {
		Name  string `gorm:"column:Variable_name"`
		Value string `gorm:"column:Value"`
	}
	must0(t, s.db.Raw("SHOW GLOBAL STATUS WHERE Variable_name LIKE 'Com\\_%' OR Variable_name = 'Questions'").Scan(&rows).Error)
	counts := map[string]int64{}
	for _, r := range rows {
		if n, err := strconv.ParseInt(r.Value, 10, 64); err == nil {
			counts[r.Name] = n
		}
	}
	if counts["Questions"] == 0 {
		t.Fatal("the server counts nothing")
	}
	return counts
}

func TestStatementBudget(t *testing.T) {
	t.Parallel()
	server := testenv.OwnMySQL(t)
	h := openHall(t, testenv.Redis(t), server.DSN())
	var hold Hold
	r := h.request("A-1-1", "A-1-2", "A-1-3")
	h.charge(t, r.Visitor, 1000)
	must1(h.Layout(t.Context(), h.show))(t)
	h.hold(t, h.request("A-2-1", "A-2-2", "A-2-3", "A-2-4"))
	h.hold(t, h.request("A-1-4"))
	for _, step := range []struct {
		name  string
		limit int64
		do    func() error
	}{
		{"hold", 5, func() (err error) { hold, err = h.Hold(t.Context(), r); return err }},
		{"best", 5, func() error { return second(h.Hold(t.Context(), h.best(2, "B"))) }},
		{"lost seat", 0, func() error {
			wantType[*SeatsTakenError](t, second(h.Hold(t.Context(), h.request("A-1-2"))))
			return nil
		}},
		{"best that loses", 0, func() error {
			wantError(t, second(h.Hold(t.Context(), h.best(3, "A"))), ErrSeatsShort)
			return nil
		}},
		{"states", 0, func() error { return second(h.SeatStates(t.Context(), h.show)) }},
		// ten in the transaction, and the hold is read before it
		{"pay", 11, func() error { return second(h.PayFromWallet(t.Context(), h.payment(t, hold))) }},
	} {
		before := status(t, h.Store)
		must0(t, step.do())
		after := status(t, h.Store)
		const own = 1 // of the two questions, the second one's
		if got := after["Questions"] - before["Questions"] - own; got != step.limit {
			t.Errorf("%s: %d statements, want %d", step.name, got, step.limit)
		}
		if step.limit > 0 && after["Com_commit"]-before["Com_commit"] != 1 {
			t.Errorf("%s: not one transaction", step.name)
		}
	}
}

func TestRaceOfOneVisitorKeepsTheLimit(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		other := h.gateway(t)
		who := visitor()
		var won atomic.Int64
		var racers sync.WaitGroup
		for i := range 8 {
			racers.Go(func() {
				r := h.request(fmt.Sprintf("B-1-%d", i+1))
				r.Visitor = who
				_, err := []*Store{h.Store, other}[i%2].Hold(t.Context(), r)
				var many *TooManySeatsError
				switch {
				case err == nil:
					won.Add(1)
				case !errors.As(err, &many):
					t.Error(err)
				}
			})
		}
		racers.Wait()
		if won.Load() != 4 {
			t.Errorf("%d seats held, the limit is 4", won.Load())
		}
		h.intact(t)
	})
}

func TestRaceOfTwoPaymentsMakesOneOrder(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		for name, sameKey := range map[string]bool{"same key": true, "other keys": false} {
			hold := h.hold(t, h.request(map[bool]string{true: "A-1-1", false: "A-1-2"}[sameKey]))
			h.charge(t, hold.Visitor, 1000)
			base := h.payment(t, hold)
			stores := []*Store{h.Store, h.gateway(t)}
			ids := make([]string, 8)
			var racers sync.WaitGroup
			for i := range ids {
				r := base
				if !sameKey {
					r.Key = fmt.Sprint("key-", i)
				}
				racers.Go(func() {
					order, err := stores[i%2].PayFromWallet(t.Context(), r)
					if err != nil && (sameKey || !errors.Is(err, ErrAlreadyPaid)) {
						t.Errorf("%s: %v", name, err)
					}
					ids[i] = order.ID
				})
			}
			racers.Wait()
			orders := map[string]int{}
			for _, id := range ids {
				orders[id]++
			}
			delete(orders, "")
			if len(orders) != 1 {
				t.Errorf("%s: orders %v", name, orders)
			}
			if w := must1(h.Wallet(t.Context(), hold.Visitor))(t); w.Balance != 900 {
				t.Errorf("%s: balance %d", name, w.Balance)
			}
		}
		h.intact(t)
	})
}
