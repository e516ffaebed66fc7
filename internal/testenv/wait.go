package testenv

import (
	"fmt"
	"testing"
	"time"
)

// Between two looks at a condition: short at first, since most hold within
// milliseconds, then longer, since tests run side by side on few cores.
const (
	firstLook = time.Millisecond
	lastLook  = 50 * time.Millisecond
)

// Wait returns as soon as condition holds, and fails the test at once when it
// does not within the time given. The message, a format and its arguments, names
// what was waited for. Call it from the test's own goroutine.
func Wait(t testing.TB, within time.Duration, condition func() bool, message string, args ...any) {
	t.Helper()
	if !poll(patience*within, condition) {
		t.Fatalf("waited %s in vain: %s", patience*within, fmt.Sprintf(message, args...))
	}
}

// patience is how much longer than on a machine of its own something may take on one
// that runs other tests beside. Only who waits in vain waits that long.
const patience = 4

// poll says whether condition held within the time given. It looks at least
// twice, and once more at the end: a busy machine may be what took so long.
func poll(within time.Duration, condition func() bool) bool {
	deadline := time.Now().Add(within)
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		if condition() {
			return true
		}
		left := time.Until(deadline)
		if left <= 0 {
			return condition()
		}
		time.Sleep(min(pause, left))
	}
}
