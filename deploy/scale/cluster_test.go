//go:build scale

package scale

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/testenv"
)

// cluster is a Redis Cluster of a site.
type cluster struct {
	t *testing.T
	*testenv.RedisCluster
}

// slot is where the keys of a show are.
func (c cluster) slot(show string) int {
	c.t.Helper()
	slot, err := c.Client(0).ClusterKeySlot(c.t.Context(), "fr:{"+show+"}:room").Result()
	must(c.t, err)
	return int(slot)
}

// showOn is the name of a show whose slot a master has at first.
func (c cluster) showOn(master int, name string) string {
	for i := 0; ; i++ {
		if show := fmt.Sprintf("%s-%d", name, i); c.slot(show)/5462 == master {
			return show
		}
	}
}

// Three shows on three masters. One master is killed while all three sell: its replica takes
// over, its show goes on, and the others do not notice.
func TestAMasterOfTheClusterDies(t *testing.T) {
	c := cluster{t, testenv.OwnRedisCluster(t)}
	s := open(t, c.URL(), testenv.OwnMySQL(t).DSN(), 2)
	hit, spared, third := c.showOn(0, "hit"), c.showOn(1, "spared"), c.showOn(2, "third")
	beside, far := c.showOn(0, "beside"), c.showOn(2, "far")
	s.sells(200, hit, spared, third, beside, far)
	crowds := []*crowd{s.comes(200, hit, s.urls()...), s.comes(100, spared, s.urls()...), s.comes(100, third, s.urls()...)}
	s.isUnderWay(hit, 5)
	dead, alive := s.probes(beside), s.probes(far)
	killed := time.Now()
	c.Nodes[0].Kill()
	testenv.Wait(t, 30*time.Second, func() bool { return c.IsMaster(3) }, "no replica takes over")
	figure("Redis Cluster, a master killed: its replica is the master", "after %s, %s of them the node timeout", seconds(time.Since(killed)), seconds(2*time.Second))
	for _, crowd := range crowds {
		crowd.isPlayed()
	}
	figure("… nobody could join a show of that master", "for %s", seconds(dead.ends()))
	figure("… a show of another", "for %s at most", seconds(alive.ends()))
	s.verified(s.dsn)
	s.nobodyShares(s.dsn)

	c.Nodes[0].Start() // and is a replica from now on
	s.verified(s.dsn)
}

// A master freezes and its replica takes over: no gateway waits for it on behalf of the shows
// of other masters; thawed, it learns that it is a replica.
func TestAMasterOfTheClusterFreezes(t *testing.T) {
	c := cluster{t, testenv.OwnRedisCluster(t)}
	s := open(t, c.URL(), testenv.OwnMySQL(t).DSN(), 2)
	hit, beside, far := c.showOn(0, "hit"), c.showOn(0, "beside"), c.showOn(1, "far")
	s.sells(200, hit, beside, far)
	crowd := s.comes(200, hit, s.urls()...)
	s.isUnderWay(hit, 5)
	dead, alive := s.probes(beside), s.probes(far)
	c.Nodes[0].Freeze()
	testenv.Wait(t, 30*time.Second, func() bool { return c.IsMaster(3) }, "no replica takes over")
	c.Nodes[0].Thaw()
	crowd.isPlayed()
	figure("Redis Cluster, a master frozen until its replica took over: nobody could join a show of it", "for %s", seconds(dead.ends()))
	figure("… a show of another", "for %s at most", seconds(alive.ends()))
	testenv.Wait(t, 20*time.Second, func() bool { return !c.IsMaster(0) }, "the old master does not learn that it is none")
	s.verified(s.dsn)
	s.nobodyShares(s.dsn)
}

// The slot of a show moves to another master, key by key, with people in line and inside.
func TestASlotMovesUnderLoad(t *testing.T) {
	c := cluster{t, testenv.OwnRedisCluster(t)}
	s := open(t, c.URL(), testenv.OwnMySQL(t).DSN(), 2)
	show := c.showOn(0, "moves")
	s.sells(200, show)
	crowd := s.comes(200, show, s.urls()...)
	s.isUnderWay(show, 5)
	p := s.probes(show)
	epoch := c.field(0, show, "epoch")
	if !c.hasNoScripts(1) {
		t.Error("the other master has scripts already: nothing will be loaded anew")
	}
	took := c.move(c.slot(show), 0, 1)
	crowd.isPlayed()
	figure("Redis Cluster, the slot of a show moved, 10 ms between two keys", "took %s", seconds(took))
	figure("… nobody could join the show", "for %s", seconds(p.ends()))
	if of := c.field(1, show, "copied_from"); of != epoch {
		t.Errorf("the room was lost on the way: what the other master has is made of epoch %s, want %s", of, epoch)
	}
	s.verified(s.dsn)
	s.nobodyShares(s.dsn)
}

func (c cluster) hasNoScripts(node int) bool {
	c.t.Helper()
	info, err := c.Client(node).Info(c.t.Context(), "memory").Result()
	must(c.t, err)
	return strings.Contains(info, "number_of_cached_scripts:0\r")
}

func (c cluster) field(node int, show, field string) string {
	c.t.Helper()
	value, err := c.Client(node).HGet(c.t.Context(), "fr:{"+show+"}:room", field).Result()
	must(c.t, err)
	return value
}

// move hands a slot from one master to another as redis-cli does, but slowly.
func (c cluster) move(slot, from, to int) time.Duration {
	t, ctx := c.t, c.t.Context()
	t.Helper()
	began := time.Now()
	source, target := c.Client(from), c.Client(to)
	must(t, target.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.ID(from)).Err())
	must(t, source.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.ID(to)).Err())
	for {
		keys, err := source.ClusterGetKeysInSlot(ctx, slot, 1).Result()
		must(t, err)
		if len(keys) == 0 {
			break
		}
		must(t, migrate(ctx, source, target.Options().Addr, keys[0]))
		time.Sleep(10 * time.Millisecond) // so that both have a part of the show for a while
	}
	for _, node := range []*redis.Client{target, source, c.Client(2)} {
		must(t, node.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", c.ID(to)).Err())
	}
	return time.Since(began)
}

func migrate(ctx context.Context, source *redis.Client, to, key string) error {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return err
	}
	return source.Migrate(ctx, host, port, key, 0, 5*time.Second).Err()
}
