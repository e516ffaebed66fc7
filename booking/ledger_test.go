package booking

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCeilingIsRaisedByWhoKnowsIt(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		id := h.show.ID
		for _, step := range []struct {
			epoch, from, to int64
			want            bool
		}{
			{0, 0, 1000, true}, {0, 0, 1000, false}, {1, 1000, 2000, false}, {0, 1000, 900, false}, {0, 1000, 2000, true},
		} {
			if got := must1(h.RaiseCeiling(t.Context(), id, step.epoch, step.from, step.to))(t); got != step.want {
				t.Errorf("%+v: %v", step, got)
			}
		}
		if q := must1(h.QueueState(t.Context(), id))(t); q.Ceiling != 2000 {
			t.Errorf("queue %+v", q)
		}
		wantError(t, second(h.QueueState(t.Context(), "no-such-show")), ErrShowNotFound)
	})
}

func TestAnEpochIsWonOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		stores := []*Store{h.Store, h.gateway(t)}
		var won atomic.Int64
		var racers sync.WaitGroup
		for i := range 8 {
			racers.Go(func() {
				ok, err := stores[i%2].WinEpoch(t.Context(), h.show.ID, 0, 0, 500)
				if err != nil {
					t.Error(err)
				}
				if ok {
					won.Add(1)
				}
			})
		}
		racers.Wait()
		q := must1(h.QueueState(t.Context(), h.show.ID))(t)
		if won.Load() != 1 || q.Epoch != 1 || q.Ceiling != 500 {
			t.Errorf("%d won, queue %+v", won.Load(), q)
		}
		if must1(h.WinEpoch(t.Context(), h.show.ID, 1, 499, 600))(t) {
			t.Error("won with a ceiling that is not the last")
		}
	})
}

func TestNextGenerationStartsOver(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		must1(h.WinEpoch(t.Context(), h.show.ID, 0, 0, 500))(t)
		must1(h.KeepQueue(t.Context(), QueueState{Show: h.show.ID, Generation: 1, Epoch: 1, Head: 40, Totals: "{}"}, nil))(t)
		// Numbers go on above those of the last generation.
		want := QueueState{Show: h.show.ID, Generation: 2, Epoch: 2, Ceiling: 500, Head: 500, Floor: 500}
		for range 2 { // the second finds it done
			if q := must1(h.NextGeneration(t.Context(), h.show.ID, 1))(t); q != want {
				t.Errorf("queue %+v", q)
			}
		}
	})
}

func TestKeepQueueKeepsTheHighestHeadAndEachAdmissionOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		id := h.show.ID
		row := func(epoch, seq int64) Admission {
			return Admission{
				Show: id, Generation: 1, Epoch: epoch, Seq: seq, At: 100 + seq, Admit: 5, IntervalMS: 1000, MaxActive: 50,
				Count: 4, First: 1, Last: 4, Next: 5, ActiveAfter: 20, Returned: 2,
			}
		}
		keep := func(epoch, head int64, totals string, rows ...Admission) (current bool) {
			t.Helper()
			return must1(h.KeepQueue(t.Context(), QueueState{Show: id, Generation: 1, Epoch: epoch, Head: head, Totals: totals}, rows))(t)
		}
		keep(0, 10, `{"n":1}`, row(0, 1), row(0, 2))
		keep(0, 8, `{"n":2}`, row(0, 2), row(0, 3))
		if q := must1(h.QueueState(t.Context(), id))(t); q.Head != 10 || q.Totals != `{"n":2}` {
			t.Errorf("queue %+v", q)
		}
		must1(h.WinEpoch(t.Context(), id, 0, 0, 500))(t)
		if keep(0, 99, `{"n":3}`, row(0, 4)) {
			t.Error("an epoch that is over passes for the current one")
		}
		if !keep(1, 12, `{"n":4}`, row(1, 1)) {
			t.Error("the current epoch passes for one that is over")
		}
		if q := must1(h.QueueState(t.Context(), id))(t); q.Head != 12 || q.Totals != `{"n":4}` {
			t.Errorf("queue %+v", q)
		}
		got := must1(h.Admissions(t.Context(), id, 1))(t)
		if want := []Admission{row(0, 1), row(0, 2), row(0, 3), row(0, 4), row(1, 1)}; !reflect.DeepEqual(got, want) {
			t.Errorf("admissions %+v", got)
		}
		if other := must1(h.Admissions(t.Context(), id, 2))(t); len(other) != 0 {
			t.Errorf("admissions of another generation %+v", other)
		}
	})
}

func TestCalledInIsTheFirstCall(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		rows := []Admission{
			{Seq: 1, At: 100, Count: 3, First: 1, Last: 4},
			{Seq: 2, At: 200, Count: 1, First: 2, Last: 2, Returned: 1},
			{Seq: 3, At: 300, Count: 2, First: 5, Last: 6},
		}
		for i := range rows {
			rows[i].Show, rows[i].Generation = h.show.ID, 1
		}
		must1(h.KeepQueue(t.Context(), QueueState{Show: h.show.ID, Generation: 1}, rows))(t)
		for number, seq := range map[int64]int64{1: 1, 2: 1, 4: 1, 5: 3, 6: 3, 7: 0} {
			in, called, err := h.CalledIn(t.Context(), h.show.ID, 1, number)
			if err != nil || called != (seq > 0) || in.Seq != seq {
				t.Errorf("%d was called in %d (%v, %v), want %d", number, in.Seq, called, err, seq)
			}
		}
		if _, called, err := h.CalledIn(t.Context(), h.show.ID, 2, 1); called || err != nil {
			t.Errorf("another generation: %v, %v", called, err)
		}
	})
}
