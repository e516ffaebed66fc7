package main

import (
	"flag"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"frontrow/internal/testenv"
	"frontrow/queue"
)

// crowd is how many wait before the desk of TestTheDeskAndACrowd: 100000 takes a few minutes,
// and is for who wants to see it.
var crowd = flag.Int("crowd", 3000, "how many wait while the desk is open")

// fills a queue with so many people, past the HTTP that they would come by.
func (g *testGateway) fills(show string, people int) {
	g.t.Helper()
	room, err := g.queue.Room(show)
	must(g.t, err)
	var all sync.WaitGroup
	const at = 200
	for worker := range at {
		all.Go(func() {
			for i := worker; i < people; i += at {
				if _, _, err := room.Join(g.t.Context(), queue.Who{Visitor: queue.NewVisitor(), New: true}); err != nil {
					g.t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// The desk is open while a crowd comes and is let in: what it shows in the end is what the
// gateway and `frontrow verify` find.
func TestTheDeskAndACrowd(t *testing.T) {
	t.Parallel()
	b, g := browser(t), realBackend(t).serve(t)
	show := g.show(func(spec map[string]any) { spec["max_waiting"] = 1_000_000 }, rules(map[string]any{
		"admit": 100, "interval_ms": 1000, "max_active": 700, "absence_seconds": 3600, "return_seconds": 3600, "claim_seconds": 3600, "paused": true,
	}))
	p := b.operator(t, g, "jiyeon", show)
	g.fills(show, *crowd)
	english := func(n int64) string {
		if n < 1000 {
			return fmt.Sprint(n)
		}
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	p.sees("#value-waiting", english(int64(*crowd))).sees("#under-joins", english(int64(*crowd)))
	p.clicks("#resume").clicks("#sure-yes").sees("#value-inside", "700")
	p.clicks("#pause").clicks("#sure-yes").sees("#flow", "Paused")
	var stats reply
	testenv.Wait(t, 20*time.Second, func() bool { // until the desk has the last of it
		stats = g.admin("GET", "/v1/admin/shows/"+show+"/stats", nil).want(http.StatusOK)
		return eval[string](p, "document.querySelector('#value-waiting').textContent") == english(stats.number("waiting"))
	}, "the desk shows other people waiting than there are")
	if waiting, active := stats.number("waiting"), stats.number("active"); waiting+active != int64(*crowd) || active != 700 {
		t.Errorf("%d wait and %d are inside", waiting, active)
	}
	for selector, field := range map[string]string{"#value-inside": "active", "#under-joins": "joined", "#under-rate": "admitted"} {
		p.sees(selector, english(stats.number(field)))
	}
	g.verifies(show)
	t.Logf("before %d people the desk shows %s", *crowd, eval[string](p, "[...document.querySelectorAll('.tile')].map((e) => e.innerText.replace(/\\n+/g, ' ')).join(' | ')"))
}
