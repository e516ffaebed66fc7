package booking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"frontrow/internal/testenv"

	"github.com/redis/go-redis/v9"
)

// best asks for so many of the best in the name of a new visitor.
func (h *hall) best(n int, section string) HoldRequest {
	r := h.request()
	r.Best = &n
	if section != "" {
		r.Section = &section
	}
	return r
}

func TestBestHoldsSeatsBesideEachOther(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		first := h.hold(t, h.best(2, "A"))
		if !slices.Contains([]string{"A-1-1 A-1-2", "A-1-4 A-1-5", "A-2-1 A-2-2", "A-2-4 A-2-5"}, strings.Join(first.Seats, " ")) {
			t.Errorf("held %v: not together, or one is left single", first.Seats)
		}
		if first.Amount != 200 {
			t.Errorf("two seats of 100 cost %d", first.Amount)
		}
		anywhere := h.hold(t, h.best(3, ""))
		for _, seat := range anywhere.Seats {
			if !strings.HasPrefix(seat, "A-") {
				t.Errorf("held %v, though the dear section has room", anywhere.Seats)
			}
		}
		if four := h.hold(t, h.best(4, "B")); len(four.Seats) != 4 {
			t.Errorf("held %v", four.Seats)
		}
		h.intact(t)
	})
}

func TestBestRefuses(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		for name, change := range map[string]func(r *HoldRequest){
			"none":            func(r *HoldRequest) { r.Best = new(0) },
			"fewer than none": func(r *HoldRequest) { r.Best = new(-1) },
			"seats as well":   func(r *HoldRequest) { r.Seats = []string{"A-1-1"} },
			"no such section": func(r *HoldRequest) { r.Section = new("C") },
			"no section":      func(r *HoldRequest) { r.Section = new("") },
			"a section alone": func(r *HoldRequest) { r.Best, r.Seats = nil, []string{"A-1-1"} },
		} {
			r := h.best(1, "A")
			change(&r)
			var bad *InvalidError
			if err := second(h.Hold(t.Context(), r)); !errors.As(err, &bad) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if e := asError[*TooManySeatsError](t, second(h.Hold(t.Context(), h.best(5, "A")))); e.Limit != 4 || e.Have != 0 {
			t.Errorf("refused by %+v", e)
		}
		if n := h.count(t, &holdRow{}, "show_id = ?", h.show.ID); n != 0 {
			t.Errorf("%d holds", n)
		}
	})
}

func TestBestTellsWhetherSeatsMayComeBack(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1", "A-1-2", "A-1-3", "A-1-4")
		h.buy(t, "A-2-1", "A-2-2", "A-2-3", "A-2-4")
		held := h.hold(t, h.request("A-1-5"))
		wantError(t, second(h.Hold(t.Context(), h.best(2, "A"))), ErrSeatsShort)
		wantError(t, second(h.Hold(t.Context(), h.best(3, "A"))), ErrSoldOut)
		must1(h.Release(t.Context(), held.Visitor, held.ID))(t)
		// Two seats that are not beside each other are better than none, and they are
		// found although the last look has not seen them come back.
		if two := h.hold(t, h.best(2, "A")); !slices.Equal(two.Seats, []string{"A-1-5", "A-2-5"}) {
			t.Errorf("held %v", two.Seats)
		}
		h.intact(t)
	})
}

// A gateway whose picture is old finds that out at the door, and tries other seats.
func TestBestTriesOtherSeatsWhenOthersWereFaster(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		other := h.gateway(t)
		must1(h.SeatStates(t.Context(), h.show))(t)
		for _, seats := range [][]string{{"A-1-1", "A-1-2"}, {"A-1-4", "A-1-5"}, {"A-2-1", "A-2-2", "A-2-3"}} {
			must1(other.Hold(t.Context(), h.request(seats...)))(t)
		}
		if two := h.hold(t, h.best(2, "A")); !slices.Equal(two.Seats, []string{"A-2-4", "A-2-5"}) {
			t.Errorf("held %v", two.Seats)
		}
		h.intact(t)
	})
}

// doorCount counts the leases that are asked for at the door.
type doorCount struct{ leases *atomic.Int64 }

func (d doorCount) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d doorCount) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) > 1 && args[1] == leaseScript.Hash() {
			d.leases.Add(1)
		}
		return next(ctx, cmd)
	}
}

func (d doorCount) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Three hundred want two each of four hundred seats: everybody is answered, every
// seat finds somebody, and only winners reach the database.
func TestRaceForTheBestSellsEverySeat(t *testing.T) {
	t.Parallel()
	server := testenv.OwnMySQL(t)
	h := openHall(t, testenv.Redis(t), server.DSN())
	spec := hallSpec()
	spec.Sections = nil
	for i := range 2 {
		row := strings.Repeat("f", 20)
		s := stalls(fmt.Sprint("S", i), 100, row, row, row, row, row, row, row, row, row, row)
		s.Name = s.Section
		for _, r := range s.Rows {
			for j := range r.Seats {
				r.Seats[j].Number = fmt.Sprint(j + 1)
			}
		}
		spec.Sections = append(spec.Sections, s)
	}
	h.show = must1(h.CreateShow(t.Context(), spec))(t)
	must0(t, h.LoadDoor(t.Context(), h.show.ID, false))
	gateways := []*Store{h.Store, h.gateway(t), h.gateway(t)}
	var leases, won, short, apart atomic.Int64
	for _, s := range gateways {
		s.rdb.AddHook(doorCount{&leases})
		must1(s.SeatStates(t.Context(), h.show))(t)
		must1(s.Layout(t.Context(), h.show))(t)
	}
	layout := must1(h.Layout(t.Context(), h.show))(t)
	before := status(t, h.Store)
	start := make(chan struct{})
	var visitors sync.WaitGroup
	for i := range 300 {
		visitors.Go(func() {
			<-start
			hold, err := gateways[i%len(gateways)].Hold(t.Context(), h.best(2, ""))
			switch {
			case err == nil:
				won.Add(1)
				if o := layout.ordinalsOf(hold.Seats); o[1]-o[0] != 1 {
					apart.Add(1)
				}
			case errors.Is(err, ErrSeatsShort):
				short.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(start)
	visitors.Wait()
	after := status(t, h.Store)
	t.Logf("%d got two seats (%d not beside each other) and %d none, with %d tries at the door", won.Load(), apart.Load(), short.Load(), leases.Load())
	if won.Load() != 200 || short.Load() != 100 {
		t.Errorf("%d got seats, %d got none", won.Load(), short.Load())
	}
	if got := strings.Count(must1(h.lookAtDoor(t.Context(), h.show))(t).States, string(letterHeld)); got != 400 {
		t.Errorf("%d of 400 seats are held", got)
	}
	if began := after["Com_begin"] - before["Com_begin"]; began != won.Load() {
		t.Errorf("%d transactions for %d holds", began, won.Load())
	}
	h.intact(t)
}
