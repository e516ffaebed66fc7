package booking

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestTheWaitingListIsKeptAndCalledOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		ctx, show := t.Context(), h.show.ID
		for _, l := range []Listed{{"visitor-b", 7}, {"visitor-a", 3}, {"visitor-c", 9}, {"visitor-a", 3}} {
			must0(t, h.Enlist(ctx, show, 1, l))
		}
		wants := func(what string, want ...Listed) {
			t.Helper()
			if list := must1(h.WaitingList(ctx, show, 1))(t); !slices.Equal(list, want) {
				t.Errorf("%s: the list is %v, want %v", what, list, want)
			}
		}
		wants("in the order of numbers", Listed{"visitor-a", 3}, Listed{"visitor-b", 7}, Listed{"visitor-c", 9})
		if list := must1(h.WaitingList(ctx, show, 2))(t); len(list) > 0 {
			t.Errorf("the next generation has %v", list)
		}

		called := []CalledPlace{{"visitor-b", 55}, {"visitor-a", 44}, {"nobody", 1}}
		for range 2 { // a gateway that died is not sure whether it told
			must0(t, h.CallListed(ctx, show, 1, called))
		}
		wants("after the call", Listed{"visitor-c", 9})
		var events []eventRow
		must0(t, h.db.Where("show_id = ? AND type = ?", show, PlaceCalled).Order("visitor").Find(&events).Error)
		if len(events) != 2 || events[0].Visitor != "visitor-a" || events[1].Subject != "visitor-b" {
			t.Fatalf("events %+v, want one for each of two", events)
		}
		var told PlacePayload
		must0(t, json.Unmarshal([]byte(events[0].Payload), &told))
		if told != (PlacePayload{Number: 3, Until: 44}) {
			t.Errorf("told %+v", told)
		}

		must0(t, h.Enlist(ctx, show, 1, Listed{"visitor-a", 3}))
		wants("asking again after the call", Listed{"visitor-c", 9})
		must0(t, h.Enlist(ctx, show, 1, Listed{"visitor-a", 12}))
		wants("a new number", Listed{"visitor-c", 9}, Listed{"visitor-a", 12})
		must0(t, h.Unlist(ctx, show, 1, "visitor-c"))
		must0(t, h.Unlist(ctx, show, 1, "visitor-c"))
		wants("who left", Listed{"visitor-a", 12})
	})
}
