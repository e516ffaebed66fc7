//go:build scale

package scale

import (
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// The master dies while a show sells: the Sentinels name a replica, and the gateways go on
// there.
func TestTheMasterOfSentinelsDies(t *testing.T) {
	r := testenv.OwnSentinels(t)
	s := open(t, r.URL(), testenv.OwnMySQL(t).DSN(), 2)
	s.sells(200, "sale", "beside")
	crowd := s.comes(200, "sale", s.urls()...)
	s.isUnderWay("sale", 5)
	p := s.probes("beside")
	killed := time.Now()
	r.Nodes[0].Kill()
	testenv.Wait(t, 30*time.Second, func() bool { return r.Master() != "" && r.Master() != r.Nodes[0].Addr() }, "no replica is named")
	figure("Sentinel, the master killed: another is named", "after %s, %s of them the silence that the Sentinels wait for", seconds(time.Since(killed)), seconds(1500*time.Millisecond))
	crowd.isPlayed()
	figure("… nobody could join", "for %s", seconds(p.ends()))
	s.verified(s.dsn)
	s.nobodyShares(s.dsn)
}

// The master freezes, another is named, and the old one wakes and takes itself for the
// master: whatever it is told or says then, no seat is sold twice and no number handed out
// twice, and nobody's place is lost. One that takes no writes without a replica is no master
// to anybody, and that is over sooner.
func TestAStaleMasterWakes(t *testing.T) {
	t.Run("as Redis comes", func(t *testing.T) { aStaleMasterWakes(t, "as Redis comes") })
	t.Run("with a replica or not at all", func(t *testing.T) {
		aStaleMasterWakes(t, "min-replicas-to-write 1", "--min-replicas-to-write", "1", "--min-replicas-max-lag", "2")
	})
}

func aStaleMasterWakes(t *testing.T, how string, settings ...string) {
	r := testenv.OwnSentinels(t, settings...)
	s := open(t, r.URL(), testenv.OwnMySQL(t).DSN(), 2)
	s.sells(200, "sale", "beside")
	crowd := s.comes(200, "sale", s.urls()...)
	s.isUnderWay("sale", 5)
	p := s.probes("beside")
	r.Nodes[0].Freeze()
	testenv.Wait(t, 30*time.Second, func() bool { return r.Master() != "" && r.Master() != r.Nodes[0].Addr() }, "no replica is named")
	r.Nodes[0].Thaw()
	woke := time.Now()
	testenv.Wait(t, 60*time.Second, func() bool { return r.IsReplica(0) }, "the old master does not learn that it is none")
	figure("Sentinel, "+how+", the master frozen until another was named: it took itself for the master", "for %s more", seconds(time.Since(woke)))
	crowd.isPlayed()
	figure("… nobody could join", "for %s", seconds(p.ends()))
	s.verified(s.dsn)
	s.nobodyShares(s.dsn)
}
