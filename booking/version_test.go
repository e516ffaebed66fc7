package booking

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// Whoever says what they saw overwrites nothing that came since.
func TestAChangeOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		saw := must1(h.FindShow(t.Context(), h.show.ID))(t)
		next := must1(h.SetMessage(IfVersion(t.Context(), saw.RulesVersion), saw.ID, "One"))(t)
		if next.RulesVersion <= saw.RulesVersion {
			t.Errorf("version %d after %d", next.RulesVersion, saw.RulesVersion)
		}
		for _, version := range []int64{saw.RulesVersion, next.RulesVersion + 1, 0} {
			if _, err := h.SetMessage(IfVersion(t.Context(), version), saw.ID, "Two"); !errors.Is(err, ErrChanged) {
				t.Errorf("version %d of %d: %v", version, next.RulesVersion, err)
			}
		}
		if now := must1(h.FindShow(t.Context(), saw.ID))(t); now.Message != "One" {
			t.Errorf("the message is %q", now.Message)
		}
		must1(h.SetMessage(t.Context(), saw.ID, "Three"))(t) // who says nothing has their way

		saw = must1(h.FindShow(t.Context(), saw.ID))(t)
		var won atomic.Int64
		var all sync.WaitGroup
		for _, text := range []string{"a", "b", "c", "d"} {
			all.Go(func() {
				_, err := h.SetMessage(IfVersion(t.Context(), saw.RulesVersion), saw.ID, text)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, ErrChanged) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of four who saw the same had their way", won.Load())
		}
	})
}
