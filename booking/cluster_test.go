package booking

import (
	"testing"
	"time"

	"frontrow/internal/testenv"

	"github.com/redis/go-redis/v9"
)

// In a cluster a script may only touch the keys that it is given, and they must
// share a slot.
func TestTheDoorWorksInACluster(t *testing.T) {
	t.Parallel()
	server := testenv.OwnRedis(t, "--cluster-enabled", "yes")
	options := must1(redis.ParseURL(server.URL()))(t)
	node := redis.NewClient(options)
	defer func() { _ = node.Close() }()
	must0(t, node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	testenv.Wait(t, 20*time.Second, func() bool {
		return node.Set(t.Context(), "ready", 1, 0).Err() == nil
	}, "the cluster does not come up")

	h := &hall{url: server.URL(), dsn: testenv.SQLite(t)}
	h.Store = h.gateway(t)
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{options.Addr}})
	t.Cleanup(func() { _ = cluster.Close() })
	h.rdb = cluster
	must1(Migrate(t.Context(), h.db))(t)
	for range 2 {
		h := h.another(t)
		h.buy(t, "A-1-1")
		hold := h.hold(t, h.request("A-1-2"))
		must1(h.Release(t.Context(), hold.Visitor, hold.ID))(t)
		h.hold(t, h.request("A-1-3"))
		must0(t, h.LoadDoor(t.Context(), h.show.ID, true))
		if got := h.letters(t, "A-1-1", "A-1-2", "A-1-3"); got != "sfh" {
			t.Errorf("states %s", got)
		}
		h.intact(t)
	}
}
