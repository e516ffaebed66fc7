package booking

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// keeper is a keeper of the hall's show, with its catalogue filled.
func (h *hall) keeper(t *testing.T) *Keeper {
	t.Helper()
	c := NewCatalogue(h.Store)
	must0(t, c.RunOnce(t.Context()))
	return NewKeeper(h.Store, c)
}

func TestSeatStatesCostNothingBetweenLooks(t *testing.T) {
	t.Parallel()
	h := realHall(t)
	first := must1(h.SeatStates(t.Context(), h.show))(t)
	if first.States != strings.Repeat("f", 20) || first.LayoutVersion != 1 || first.AsOf == 0 {
		t.Errorf("states %+v", first)
	}
	looks := must1(h.rdb.HGet(t.Context(), doorKeys(h.show.ID)[0], "looks").Int64())(t)
	var pollers sync.WaitGroup
	for range 8 {
		pollers.Go(func() {
			for range 200 {
				if _, err := h.SeatStates(t.Context(), h.show); err != nil {
					t.Error(err)
				}
			}
		})
	}
	pollers.Wait()
	if now := must1(h.rdb.HGet(t.Context(), doorKeys(h.show.ID)[0], "looks").Int64())(t); now > looks+1 {
		t.Errorf("%d looks for 1,600 polls", now-looks)
	}
}

func TestSeatStatesFollowTheSale(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		before := must1(h.SeatStates(t.Context(), h.show))(t)
		h.hold(t, h.request("A-1-1"))
		h.buy(t, "A-1-2")
		var after States
		testenv.Wait(t, 5*time.Second, func() bool {
			after = must1(h.SeatStates(t.Context(), h.show))(t)
			return after.Version != before.Version
		}, "the states stay as they were")
		if after.States[:3] != "hsf" || after.Version <= before.Version {
			t.Errorf("states %+v", after)
		}
		if free, held, sold := after.Count(); free != 18 || held != 1 || sold != 1 {
			t.Errorf("counted %d, %d, %d", free, held, sold)
		}
	})
}

func TestSeatStatesOfAShowThatIsNotOnSaleComeFromSQL(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-2")
		h.hold(t, h.request("A-1-3"))
		h.show = must1(h.SetPhase(t.Context(), h.show.ID, PhaseClosed))(t)
		must0(t, h.rdb.Del(t.Context(), doorKeys(h.show.ID)...).Err())
		gateway := h.gateway(t)
		states := must1(gateway.SeatStates(t.Context(), h.show))(t)
		if states.States[:4] != "fshf" || states.Version == 0 {
			t.Errorf("states %+v", states)
		}
		if again := must1(gateway.look(t.Context(), h.show))(t); again.Version != states.Version {
			t.Errorf("version %d after %d, and nothing changed", again.Version, states.Version)
		}
	})
}

func TestKeeperLoadsDoorsAndSweeps(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		held := h.hold(t, h.request("A-1-2", "B-1-1"))
		over := h.shortHold(t, h.request("A-1-3"))
		must0(t, h.rdb.Del(t.Context(), doorKeys(h.show.ID)...).Err())
		wantError(t, second(h.Hold(t.Context(), h.request("A-1-4"))), ErrUnavailable)

		must0(t, h.keeper(t).RunOnce(t.Context()))
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3", "A-1-4", "B-1-1"); got != "shffh" {
			t.Errorf("states %s", got)
		}
		if got := must1(h.FindHold(t.Context(), over.Visitor, over.ID))(t); got.State != holdExpired {
			t.Errorf("hold %s", got.State)
		}
		if n := h.count(t, &eventRow{}, "subject = ?", over.ID); n != 1 {
			t.Errorf("%d events", n)
		}
		// Who held before holds still: by the same fence, and can pay.
		if next := h.hold(t, h.request("A-1-4")); next.Fence <= held.Fence {
			t.Errorf("fence %d after %d", next.Fence, held.Fence)
		}
		h.charge(t, held.Visitor, 1000)
		must1(h.PayFromWallet(t.Context(), h.payment(t, held)))(t)
		if got := h.letters(t, "A-1-2", "B-1-1"); got != "ss" {
			t.Errorf("states %s", got)
		}
		h.intact(t)
	})
}

// Redis put back to where it was: every gateway that saw more notices, and the
// door is loaded anew, once.
func TestKeeperNoticesThatRedisWasPutBack(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		keeper := h.keeper(t)
		must0(t, keeper.RunOnce(t.Context()))
		old := h.dump(t)
		h.buy(t, "A-1-1")
		held := h.hold(t, h.request("A-1-2"))
		must0(t, keeper.RunOnce(t.Context()))
		h.restore(t, old)
		before := must1(h.rdb.HGet(t.Context(), doorKeys(h.show.ID)[0], "loaded").Result())(t)

		must0(t, keeper.RunOnce(t.Context()))
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3"); got != "shf" {
			t.Errorf("states %s", got)
		}
		after := must1(h.rdb.HGet(t.Context(), doorKeys(h.show.ID)[0], "loaded").Result())(t)
		if after == before {
			t.Error("the door is the same")
		}
		must0(t, keeper.RunOnce(t.Context()))
		if again := must1(h.rdb.HGet(t.Context(), doorKeys(h.show.ID)[0], "loaded").Result())(t); again != after {
			t.Error("the door was loaded twice")
		}
		must1(h.Release(t.Context(), held.Visitor, held.ID))(t)
		h.intact(t)
	})
}

// A loss that nothing was written after shows in the count of looks alone.
func TestKeeperNoticesALossWithoutSales(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		keeper := h.keeper(t)
		must0(t, keeper.RunOnce(t.Context()))
		old := h.dump(t)
		must0(t, keeper.RunOnce(t.Context()))
		must0(t, keeper.RunOnce(t.Context()))
		h.restore(t, old)
		before := old[0]["loaded"]
		must0(t, keeper.RunOnce(t.Context()))
		if after := must1(h.rdb.HGet(t.Context(), doorKeys(h.show.ID)[0], "loaded").Result())(t); after == before {
			t.Error("the door is the same")
		}
	})
}

// dump copies the door as it is; restore puts it back.
func (h *hall) dump(t *testing.T) []map[string]string {
	t.Helper()
	keys := doorKeys(h.show.ID)
	states := map[string]string{"": must1(h.rdb.Get(t.Context(), keys[1]).Result())(t)}
	return []map[string]string{
		must1(h.rdb.HGetAll(t.Context(), keys[0]).Result())(t), states, must1(h.rdb.HGetAll(t.Context(), keys[2]).Result())(t),
	}
}

func (h *hall) restore(t *testing.T, old []map[string]string) {
	t.Helper()
	keys := doorKeys(h.show.ID)
	must0(t, h.rdb.Del(t.Context(), keys...).Err())
	must0(t, h.rdb.HSet(t.Context(), keys[0], old[0]).Err())
	must0(t, h.rdb.Set(t.Context(), keys[1], old[1][""], 0).Err())
	if len(old[2]) > 0 {
		must0(t, h.rdb.HSet(t.Context(), keys[2], old[2]).Err())
	}
}

func TestLoadDoorFromManyGatewaysAtOnceLoadsOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		must0(t, h.rdb.Del(t.Context(), doorKeys(h.show.ID)...).Err())
		stores := []*Store{h.Store, h.gateway(t), h.gateway(t), h.gateway(t)}
		var loaders sync.WaitGroup
		for _, s := range stores {
			loaders.Go(func() {
				if err := s.LoadDoor(t.Context(), h.show.ID, false); err != nil {
					t.Error(err)
				}
			})
		}
		loaders.Wait()
		if got := h.letters(t, "A-1-1", "A-1-2"); got != "sf" {
			t.Errorf("states %s", got)
		}
		var left []string
		keys := h.rdb.Scan(t.Context(), 0, "fr:{"+h.show.ID+"}:*", 1000).Iterator()
		for keys.Next(t.Context()) {
			left = append(left, keys.Val())
		}
		if must0(t, keys.Err()); len(left) > 4 {
			t.Errorf("keys %v: pictures were left behind", left)
		}
		wantError(t, h.LoadDoor(t.Context(), "no-such-show", false), ErrShowNotFound)
	})
}

// A sale between the reading of the picture and its being put up must show.
func TestLoadDoorCatchesUpWithSalesMeanwhile(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		then := must1(h.readSeats(t.Context(), h.show.ID))(t)
		h.buy(t, "A-1-1")
		held := h.hold(t, h.request("A-1-2"))
		h.forget(t)
		must0(t, h.catchUp(t.Context(), h.show, then))
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3"); got != "shf" {
			t.Errorf("states %s", got)
		}
		must1(h.Release(t.Context(), held.Visitor, held.ID))(t)
		h.intact(t)
	})
}

func TestLoadDoorOfALargeHallGoesInChunks(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		now := h.redisNow(t)
		seats := make([]seatRow, 2500)
		for i := range seats {
			seats[i] = seatRow{Ordinal: i, State: seatHeld, Fence: int64(i) + 1, HoldID: "hold", HoldUntil: now + 60_000_000}
		}
		show := h.show
		show.ID = "large-" + strings.ToLower(visitor())
		if opened, err := h.openDoor(t.Context(), show, "", draw(seats, now)); err != nil || !opened {
			t.Fatalf("opened %v, %v", opened, err)
		}
		states := must1(h.lookAtDoor(t.Context(), show))(t)
		if states.States != strings.Repeat("h", 2500) {
			t.Errorf("states %.40s…", states.States)
		}
		must0(t, h.markSeats(t.Context(), show, "hold", soldOf(seats)))
		if states = must1(h.lookAtDoor(t.Context(), show))(t); states.States != strings.Repeat("s", 2500) {
			t.Errorf("states %.40s…", states.States)
		}
	})
}

func soldOf(seats []seatRow) []seatRow {
	sold := append([]seatRow{}, seats...)
	for i := range sold {
		sold[i].State = seatSold
	}
	return sold
}

func TestKeeperAndCatalogueRunUntilToldToStop(t *testing.T) {
	t.Parallel()
	h := realHall(t)
	ctx, stop := context.WithCancel(t.Context())
	c := NewCatalogue(h.Store)
	must0(t, h.rdb.Del(ctx, doorKeys(h.show.ID)...).Err())
	var loops sync.WaitGroup
	for _, run := range []func(context.Context) error{c.Run, NewKeeper(h.Store, c).Run} {
		loops.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	testenv.Wait(t, 10*time.Second, func() bool {
		_, err := h.SeatStates(t.Context(), h.show)
		return err == nil
	}, "the keeper does not load the door")
	stop()
	loops.Wait()
}
