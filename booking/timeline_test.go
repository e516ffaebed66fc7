package booking

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// kinds are a timeline's steps in short.
func (t Timeline) kinds() string {
	var kinds []string
	for _, s := range t.Steps {
		kinds = append(kinds, strings.Trim(s.Kind+" "+s.Type+s.Listener, " "))
	}
	return strings.Join(kinds, ", ")
}

func TestATimelineTellsTheWayOfAnOrder(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		order := h.buy(t, "A-1-1", "A-1-2")
		told := must1(h.Timeline(t.Context(), order.ID))(t)
		if got := told.kinds(); got != "hold, order, settled, event order.paid, due order.paidfirst, due order.paidsecond" {
			t.Errorf("steps: %s", got)
		}
		if told.Order.Trace != "trace-2" || told.More || len(told.Hangs) > 0 {
			t.Errorf("timeline %+v", told)
		}
		if !slices.IsSortedFunc(told.Steps, func(a, b Step) int { return int(a.At - b.At) }) {
			t.Errorf("not in the order of time: %+v", told.Steps)
		}

		for _, d := range must1(h.ClaimDeliveries(t.Context(), "first", 10, time.Minute))(t) {
			must0(t, h.NotDelivered(t.Context(), d, fmt.Errorf("nobody is there"), 0, true))
		}
		for _, d := range must1(h.ClaimDeliveries(t.Context(), "second", 10, time.Minute))(t) {
			must0(t, h.NotDelivered(t.Context(), d, fmt.Errorf("not yet"), 0, false))
		}
		for _, d := range must1(h.ClaimDeliveries(t.Context(), "second", 10, time.Minute))(t) {
			must0(t, h.Delivered(t.Context(), d))
		}
		_, err := h.CancelOrderFor(t.Context(), order.ID, "operator", "rain")
		must0(t, err)
		told = must1(h.Timeline(t.Context(), order.ID))(t)
		if got := told.kinds(); got != "hold, order, settled, event order.paid, told order.paidfirst, told order.paidsecond, told order.paidsecond, event order.refunded, cancel" &&
			got != "hold, order, settled, event order.paid, told order.paidfirst, told order.paidsecond, told order.paidsecond, cancel, event order.refunded" {
			t.Errorf("steps: %s", got)
		}
		var tries []string
		for _, s := range told.Steps {
			if s.Kind == StepTold {
				tries = append(tries, fmt.Sprint(s.Listener, s.Try, s.Outcome, s.Detail))
			}
		}
		if got := strings.Join(tries, ", "); got != "first1deadnobody is there, second1failednot yet, second2done" {
			t.Errorf("tries: %s", got)
		}
		if len(told.Hangs) != 1 || !strings.Contains(told.Hangs[0], "was given up for first: nobody is there") {
			t.Errorf("hangs: %v", told.Hangs)
		}
		for _, s := range told.Steps {
			if s.Kind == "cancel" && (s.By != "operator" || s.Detail != "rain" || s.Outcome != "refunded") {
				t.Errorf("cancelled: %+v", s)
			}
		}
		for _, id := range []string{"", "nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
			_, err := h.Timeline(t.Context(), id)
			wantError(t, err, ErrOrderNotFound)
		}
	})
}

func TestATimelineHasItsBound(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		order := h.buy(t, "A-1-1")
		rest := len(must1(h.Timeline(t.Context(), order.ID))(t).Steps)
		var rows []stepRow
		for range mostSteps - rest {
			rows = append(rows, newStep(order.ID, stepWebhook, "captured", "", "", h.Now()))
		}
		must0(t, h.db.CreateInBatches(rows, 100).Error)
		if told := must1(h.Timeline(t.Context(), order.ID))(t); len(told.Steps) != mostSteps || told.More {
			t.Errorf("%d steps, more: %v", len(told.Steps), told.More)
		}
		row := newStep(order.ID, stepWebhook, "captured", "", "", h.Now())
		must0(t, h.db.Create(&row).Error)
		if told := must1(h.Timeline(t.Context(), order.ID))(t); len(told.Steps) != mostSteps || !told.More {
			t.Errorf("%d steps, more: %v", len(told.Steps), told.More)
		}
	})
}
