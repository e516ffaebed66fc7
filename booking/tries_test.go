package booking

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

func TestTriesAreWrittenDownWithTheirEnd(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		order := h.buy(t, "A-1-1")
		must0(t, h.NotDelivered(t.Context(), h.claim(t, time.Minute, "first")[0], errors.New("not now"), 0, false))
		late := h.claim(t, time.Microsecond, "first")
		var got []Delivery
		testenv.Wait(t, 5*time.Second, func() bool {
			got = h.claim(t, time.Minute, "first")
			return len(got) == 1
		}, "a lapsed lease stays")
		must0(t, h.NotDelivered(t.Context(), got[0], errors.New("never"), 0, true))
		must0(t, h.Delivered(t.Context(), late[0]))
		must0(t, h.Redrive(t.Context(), got[0].Event.ID, "first"))
		must0(t, h.Delivered(t.Context(), h.claim(t, time.Minute, "first")[0]))

		want := []struct {
			try            int
			outcome, error string
		}{{1, "failed", "not now"}, {2, "late", ""}, {3, "dead", "never"}, {1, "done", ""}}
		tries := must1(h.Tries(t.Context(), order.ID))(t)
		if len(tries) != len(want) {
			t.Fatalf("tries %+v", tries)
		}
		for i, w := range want {
			if g := tries[i]; g.Try != w.try || g.Outcome != w.outcome || g.Error != w.error || g.Listener != "first" ||
				g.Type != OrderPaid || g.At == 0 || g.TookUs < 0 || g.TookUs > time.Minute.Microseconds() {
				t.Errorf("try %d: %+v, want %+v", i, g, w)
			}
		}
		if none := must1(h.Tries(t.Context(), "nothing"))(t); len(none) != 0 {
			t.Errorf("tries %+v of nothing", none)
		}
		h.intactButFor(t, "second")
	})
}

// Marked together, each has its own end: one whose claim was lost is the other's, even to
// the same listener, and the rest are done.
func TestManyAreMarkedTogetherAndEachByItsClaim(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		must0(t, h.Delivered(t.Context()))
		one, other := h.buy(t, "A-1-1"), h.buy(t, "A-1-2")
		late := h.claim(t, time.Microsecond, "first")
		var got []Delivery
		testenv.Wait(t, 5*time.Second, func() bool {
			got = append(got, h.claim(t, time.Minute, "first")...)
			return len(got) == 2
		}, "lapsed leases stay")
		slices.SortFunc(got, func(a, b Delivery) int { return strings.Compare(a.Event.ID, b.Event.ID) })
		second := h.claim(t, time.Minute, "second")
		if len(late) != 2 || len(second) != 2 {
			t.Fatalf("claimed %+v and %+v", late, second)
		}
		must0(t, h.Delivered(t.Context(), late[0], second[0], got[1], second[1]))
		for _, order := range []string{one.ID, other.ID} {
			ends := map[string]int{}
			for _, try := range must1(h.Tries(t.Context(), order))(t) {
				ends[try.Listener+" "+try.Outcome]++
			}
			want := map[string]int{"second done": 1, "first late": 1}
			if order == got[1].Event.Subject {
				want = map[string]int{"second done": 1, "first done": 1}
			}
			if !maps.Equal(ends, want) {
				t.Errorf("order %s: %v, want %v", order, ends, want)
			}
		}
		must0(t, h.Delivered(t.Context(), got[0]))
		h.intact(t)
	})
}

// intactButFor is intact once the deliveries of a listener are done.
func (h *hall) intactButFor(t *testing.T, listener string) {
	t.Helper()
	for _, d := range h.claim(t, time.Minute, listener) {
		must0(t, h.Delivered(t.Context(), d))
	}
	h.intact(t)
}
