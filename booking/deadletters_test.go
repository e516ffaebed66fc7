package booking

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// bury makes n dead letters of a listener or more, of events of as many orders.
func (h *hall) bury(t *testing.T, n int, listener string) {
	t.Helper()
	for range n {
		e := h.event(OrderPaid, h.show.ID, visitor(), visitor(), "", OrderPayload{})
		must0(t, e.write(h.db))
	}
	for _, d := range must1(h.ClaimDeliveries(t.Context(), listener, 100, time.Minute))(t) {
		must0(t, h.NotDelivered(t.Context(), d, errors.New("never"), time.Hour, true))
	}
}

func TestDeadLettersAreListedByPage(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.bury(t, 5, "first")
		h.bury(t, 2, "second") // and the five events that it has not been told of
		seen := map[string]bool{}
		q := DeadLettersQuery{Limit: 3}
		pages := 0
		for ; ; pages++ {
			page := must1(h.DeadLetters(t.Context(), q))(t)
			if len(page) == 0 {
				break
			}
			for _, d := range page {
				if d.Error != "never" || d.Tries != 1 || d.Event.Type != OrderPaid || d.DeadAt > h.Now() || seen[d.Cursor()] {
					t.Errorf("letter %+v", d)
				}
				seen[d.Cursor()] = true
			}
			q.After = page[len(page)-1].Cursor()
		}
		if len(seen) != 12 || pages != 4 {
			t.Errorf("%d letters on %d pages", len(seen), pages)
		}
		for want, q := range map[int]DeadLettersQuery{
			5: {Listener: "first", Limit: 10}, 12: {Show: h.show.ID, Limit: 20}, 0: {Show: "another", Limit: 10},
			7: {Show: h.show.ID, Listener: "second", Limit: 10},
		} {
			if got := must1(h.DeadLetters(t.Context(), q))(t); len(got) != want {
				t.Errorf("%+v: %d letters", q, len(got))
			}
		}
	})
}

func TestDeadLettersBounds(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		for _, limit := range []int{1, MostDeadLetters} {
			must1(h.DeadLetters(t.Context(), DeadLettersQuery{Limit: limit}))(t)
		}
		id := eventID(h.Now())
		for _, q := range []DeadLettersQuery{
			{Limit: 0}, {Limit: MostDeadLetters + 1}, {Limit: 1, Show: "A Show"}, {Limit: 1, Listener: "First"},
			{Limit: 1, After: "x"}, {Limit: 1, After: id}, {Limit: 1, After: id + ".No"}, {Limit: 1, After: "x.first"},
		} {
			wantType[*InvalidError](t, second(h.DeadLetters(t.Context(), q)))
		}
	})
}

func TestRedriveMakesDueWithAllTriesAhead(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.bury(t, 1, "first")
		letter := must1(h.DeadLetters(t.Context(), DeadLettersQuery{Limit: 1}))(t)[0]
		nudges := h.nudges.Load()
		for _, id := range [][2]string{
			{letter.Event.ID, "second"}, {letter.Event.ID, "nobody"}, {letter.Event.ID + " ", "first"}, {eventID(1), "first"}, {letter.Event.ID, "First"},
		} {
			wantError(t, h.Redrive(t.Context(), id[0], id[1]), ErrNoDeadLetter)
		}
		must0(t, h.Redrive(t.Context(), letter.Event.ID, "first"))
		wantError(t, h.Redrive(t.Context(), letter.Event.ID, "first"), ErrNoDeadLetter) // it is none any more
		if h.nudges.Load() != nudges+1 {
			t.Error("nobody was nudged")
		}
		got := h.claim(t, time.Minute, "first")
		if len(got) != 1 || got[0].Tries != 1 {
			t.Errorf("claimed %+v", got)
		}
	})
}

func TestRedriveAllOfOneListener(t *testing.T) {
	t.Parallel()
	h := realHall(t)
	wantType[*InvalidError](t, second(h.RedriveAll(t.Context(), "Any One")))
	if n := must1(h.RedriveAll(t.Context(), "first"))(t); n != 0 {
		t.Errorf("%d of none", n)
	}
	const many = redriveBatch + 1
	var rows []deliveryRow
	for i := range many {
		rows = append(rows, deliveryRow{EventID: eventID(h.Now()), Listener: "first", Subject: fmt.Sprint(i), State: deliveryDead, Tries: 40})
	}
	rows = append(rows, deliveryRow{EventID: eventID(h.Now()), Listener: "second", State: deliveryDead})
	must0(t, h.db.CreateInBatches(rows, 100).Error)
	if n := must1(h.RedriveAll(t.Context(), "first"))(t); n != many {
		t.Errorf("%d of %d", n, many)
	}
	if n := h.count(t, &deliveryRow{}, "state = 'due' AND tries = 0"); n != many {
		t.Errorf("%d are due", n)
	}
	if n := h.count(t, &deliveryRow{}, "state = 'dead'"); n != 1 {
		t.Errorf("%d are dead, want the other listener's", n)
	}
}
