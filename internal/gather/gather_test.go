package gather

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever asks waits for a moment and two round trips at most, and for one round trip
// more for each full one that was asked before; every question is asked once.
func TestTheWaitForARoundTripIsBounded(t *testing.T) {
	t.Parallel()
	const trip, moment, most = 3 * time.Millisecond, 500 * time.Microsecond, 50
	for name, test := range map[string]struct {
		callers int
		within  time.Duration // they come
		trips   time.Duration // how many the last may wait for
	}{
		"alone":                  {1, 1, 1},
		"a few, at any time":     {40, 20 * time.Millisecond, 2},
		"as many as a trip":      {most, 1, 2},
		"one more":               {most + 1, 1, 2},
		"a wall of a thousand":   {1000, 1, 1000/most + 1},
		"many over a long while": {2000, time.Second, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var asked, sizes []int
				g := &Gather[int, int]{Most: most, Moment: moment, Within: time.Second, Ask: func(_ context.Context, asks []int) ([]int, error) {
					time.Sleep(trip)
					mu.Lock()
					defer mu.Unlock()
					asked, sizes = append(asked, asks...), append(sizes, len(asks))
					return asks, nil
				}}
				random := rand.New(rand.NewPCG(1, 2))
				var all sync.WaitGroup
				for i := range test.callers {
					at := time.Duration(random.Int64N(int64(test.within)))
					all.Go(func() {
						time.Sleep(at)
						began := time.Now()
						got, err := g.Do(t.Context(), i)
						if err != nil || got != i {
							t.Errorf("question %d was answered %d, %v", i, got, err)
						}
						if wait, bound := time.Since(began), test.trips*(trip+moment)+moment; wait > bound {
							t.Errorf("question %d waited %s, more than %s", i, wait, bound)
						}
					})
				}
				all.Wait()
				time.Sleep(trip + moment) // the last trip's goroutine ends
				slices.Sort(asked)
				for i, q := range asked {
					if q != i {
						t.Fatalf("question %d was asked %v", i, asked[max(0, i-1):i+1])
					}
				}
				if len(asked) != test.callers || slices.Max(sizes) > most {
					t.Errorf("%d questions in trips of %v", len(asked), sizes)
				}
			})
		})
	}
}
