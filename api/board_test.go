package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"pgregory.net/rapid"

	"frontrow/queue"
)

// boardScript runs web/board.js, as a browser would that knows no modules.
func boardScript(t *testing.T) *goja.Runtime {
	t.Helper()
	source, err := web.ReadFile("web/board.js")
	if err != nil {
		t.Fatal(err)
	}
	vm := goja.New()
	if _, err := vm.RunString(strings.ReplaceAll(string(source), "export function", "function")); err != nil {
		t.Fatal(err)
	}
	return vm
}

// The wait that a browser works out from the board is the one that a poll tells.
func TestTheBoardForetellsWhatPollsDo(t *testing.T) {
	t.Parallel()
	vm := boardScript(t)
	var eta func(board map[string]any, position int64) map[string]int64
	if err := vm.ExportTo(vm.Get("eta"), &eta); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.01, 10_000).Draw(t, "rate")
		f := &queue.Forecast{
			Free: rapid.Float64Range(0, 5000).Draw(t, "free"), FreeRate: rate, Low: rate / 3, High: rate / 2,
			Fade: rapid.SampledFrom([]float64{0, 0.0001, 0.01}).Draw(t, "fade"), Slack: 3, Unsure: 0.1,
		}
		if rapid.Bool().Draw(t, "unknown beyond the room that is free") {
			f.Low, f.High = 0, 0
		}
		position := rapid.Int64Range(1, 1_000_000).Draw(t, "position")
		raw, err := json.Marshal(map[string]any{"forecast": f})
		if err != nil {
			t.Fatal(err)
		}
		var board map[string]any
		if err := json.Unmarshal(raw, &board); err != nil {
			t.Fatal(err)
		}
		got, want := eta(board, position), f.ETA(position)
		switch {
		case want == nil && got == nil:
		case want == nil || got == nil:
			t.Fatalf("the board says %v, a poll %v", got, want)
		default:
			low, high := int64(want.Low.Seconds()), int64(want.High.Seconds())
			// Both round; a hair's breadth may be a second.
			if max(got["low_seconds"]-low, low-got["low_seconds"], got["high_seconds"]-high, high-got["high_seconds"]) > 1 {
				t.Fatalf("the board says %v, a poll %d to %d", got, low, high)
			}
		}
	})
}

// Who is far from their turn looks at the board less often, but never less than twice a
// minute, nor more often than it says.
func TestTheBoardIsLookedAtLessFromAfar(t *testing.T) {
	t.Parallel()
	var lookAfter func(board, wait map[string]any, place int64) float64
	vm := boardScript(t)
	if err := vm.ExportTo(vm.Get("lookAfter"), &lookAfter); err != nil {
		t.Fatal(err)
	}
	board := map[string]any{"poll_after_ms": queue.BoardEvery.Milliseconds()}
	for low, want := range map[int]float64{0: 5000, 100: 5000, 300: 15000, 600: 30000, 86_400: 30000} {
		if got := lookAfter(board, map[string]any{"low_seconds": low}, 50_000); got != want {
			t.Errorf("%d s away: after %.0f ms, want %.0f", low, got, want)
		}
	}
	if got := lookAfter(board, nil, 50_000); got != 5000 {
		t.Errorf("when nobody knows: after %.0f ms, want 5,000", got)
	}
	board["paused"] = true
	for place, want := range map[int64]float64{501: 5010, 2000: 20_000, 3000: 30_000, 50_000: 30_000} {
		if got := lookAfter(board, nil, place); got != want {
			t.Errorf("paused, at position %d: after %.0f ms, want %.0f", place, got, want)
		}
	}
}
