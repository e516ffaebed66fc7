package booking

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"

	"github.com/redis/go-redis/v9"
)

// gate is a door on its own, driven by the scripts as they are.
type gate struct {
	t    *testing.T
	rdb  *redis.Client
	keys []string
}

// eachGate runs f at a door of ten free seats on either Redis.
func eachGate(t *testing.T, f func(t *testing.T, g *gate)) {
	t.Helper()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		options := must1(redis.ParseURL(url))(t)
		g := &gate{t: t, rdb: redis.NewClient(options), keys: doorKeys("show-" + visitor())}
		t.Cleanup(func() { _ = g.rdb.Close() })
		if word := g.load("one", "", 0, 0, 0, strings.Repeat("f", 10)); word != "ok" {
			t.Fatalf("load: %s", word)
		}
		f(t, g)
	})
}

func (g *gate) run(s *redis.Script, args ...any) []string {
	g.t.Helper()
	return must1(s.Run(g.t.Context(), g.rdb, g.keys, args...).StringSlice())(g.t)
}

func (g *gate) load(incarnation, replaces string, records, deadlines int, fence int64, letters string) string {
	g.t.Helper()
	keys := append(slices.Clone(g.keys), g.keys[2]+":"+incarnation, g.keys[3]+":"+incarnation)
	return must1(loadScript.Run(g.t.Context(), g.rdb, keys, incarnation, "plan", replaces, records, deadlines, fence, letters).Text())(g.t)
}

// lease leases ordinals for a minute in the name of a hold.
func (g *gate) lease(hold string, ordinals ...any) []string {
	g.t.Helper()
	return g.run(leaseScript, append([]any{"plan", hold, 60_000_000, latestTime}, ordinals...)...)
}

func (g *gate) now() int64 {
	g.t.Helper()
	return must1(g.rdb.Time(g.t.Context()).Result())(g.t).UnixMicro()
}

func (g *gate) record(ordinal int) string {
	g.t.Helper()
	record, err := g.rdb.HGet(g.t.Context(), g.keys[2], strconv.Itoa(ordinal)).Result()
	if errors.Is(err, redis.Nil) {
		return ""
	}
	must0(g.t, err)
	return record
}

func (g *gate) letters() string {
	g.t.Helper()
	return must1(g.rdb.Get(g.t.Context(), g.keys[1]).Result())(g.t)
}

func (g *gate) field(name string) int64 {
	g.t.Helper()
	return must1(g.rdb.HGet(g.t.Context(), g.keys[0], name).Int64())(g.t)
}

func (g *gate) want(what string, got, want any) {
	g.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		g.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestLeaseTakesAllOrNone(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		before, version := g.now(), g.field("version")
		a := g.lease("hold-1", 2, 3)
		g.want("word", a[0], "ok")
		now, fence, deadline := number(a[1]), number(a[4]), number(a[5])
		if now < before || now > g.now() {
			t.Errorf("time %d is not Redis's", now)
		}
		g.want("incarnation", a[2], "one")
		g.want("version", a[3], version+1)
		g.want("fence", fence, now)
		g.want("deadline", deadline, now+60_000_000)
		g.want("record", g.record(2), fmt.Sprintf("%d:%d:hold-1", fence, deadline))
		g.want("states", g.letters(), "ffhhffffff")
		g.want("deadlines", g.rdb.ZScore(t.Context(), g.keys[3], "3").Val(), float64(deadline))

		b := g.lease("hold-2", 1, 2, 3)
		g.want("loser", b[0], "taken")
		g.want("which", b[4:], []string{"2", "3"})
		g.want("left alone", g.record(1), "")
		g.want("states", g.letters(), "ffhhffffff")
	})
}

func TestLeaseOfTheSameHoldCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		first := g.lease("hold-1", 0)
		again := g.lease("hold-1", 0)
		g.want("word", again[0], "ok")
		if number(again[4]) <= number(first[4]) {
			t.Errorf("fence %s after %s", again[4], first[4])
		}
	})
}

func TestLeaseFencesOnlyGrow(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		ahead := g.now() + 3_600_000_000 // the clock of an earlier Redis ran ahead
		must0(t, g.rdb.HSet(t.Context(), g.keys[0], "fence", ahead).Err())
		g.want("fence", g.lease("hold-1", 0)[4], ahead+1)
		g.want("fence", g.lease("hold-2", 1)[4], ahead+2)
	})
}

func TestLeaseIsBoundedByTheLatestDeadline(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		latest := g.now() + 5_000_000
		a := g.run(leaseScript, "plan", "hold-1", 60_000_000, latest, 0)
		g.want("deadline", a[5], latest)
		g.want("late", g.run(leaseScript, "plan", "hold-2", 60_000_000, g.now(), 1)[0], "late")
		g.want("unloaded", g.run(leaseScript, "other plan", "hold-2", 60_000_000, latest, 1)[0], "unloaded")
	})
}

// expired writes a lease that ran out a second ago, as nobody has looked since.
func (g *gate) expired(ordinal int, hold string) {
	g.t.Helper()
	deadline := g.now() - 1_000_000
	must0(g.t, g.rdb.HSet(g.t.Context(), g.keys[2], ordinal, fmt.Sprintf("5:%d:%s", deadline, hold)).Err())
	must0(g.t, g.rdb.ZAdd(g.t.Context(), g.keys[3], redis.Z{Score: float64(deadline), Member: ordinal}).Err())
	must0(g.t, g.rdb.SetRange(g.t.Context(), g.keys[1], int64(ordinal), "h").Err())
}

func TestLeaseThatRanOutIsFree(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		g.expired(4, "hold-1")
		g.want("word", g.lease("hold-2", 4)[0], "ok")
	})
}

func TestReleaseComparesHoldAndFence(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		a := g.lease("hold-1", 0, 1)
		version := g.field("version")
		for _, args := range [][]any{{"plan", "hold-2", a[4], 0, 1}, {"plan", "hold-1", number(a[4]) + 1, 0, 1}} {
			g.want("word", g.run(releaseScript, args...)[0], "ok")
			g.want("nothing released", g.letters(), "hhffffffff")
			g.want("version", g.field("version"), version)
		}
		g.want("word", g.run(releaseScript, "plan", "hold-1", a[4], 0, 1, 2)[0], "ok")
		g.want("released", g.letters(), "ffffffffff")
		g.want("record", g.record(0), a[4]+":free")
		g.want("no record", g.record(2), "")
		g.want("deadlines", g.rdb.ZCard(t.Context(), g.keys[3]).Val(), 0)
		g.want("version", g.field("version"), version+1)
		g.want("unloaded", g.run(releaseScript, "other plan", "hold-1", a[4], 0)[0], "unloaded")
	})
}

func TestHandoverTouchesTheOldHoldAlone(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		old := g.lease("old", 0, 1, 2)[4]
		next := g.lease("new", 3)
		other := g.lease("other", 4)
		args := []any{"plan", "old", old, "new", next[4], next[5], 3, 1, 3, 4, 0, 5}
		g.want("of another fence", g.run(handoverScript, "plan", "old", number(old)-1, "new", next[4], next[5], 1, 1, 0)[0], "ok")
		g.want("of another hold", g.run(handoverScript, "plan", "older", old, "new", next[4], next[5], 1, 1, 0)[0], "ok")
		g.want("nothing changed", g.letters(), "hhhhhfffff")
		version := g.field("version")
		for range 2 { // the second finds nothing to do
			g.want("word", g.run(handoverScript, args...)[0], "ok")
			g.want("version", g.field("version"), version+1)
			g.want("kept", g.record(1), next[4]+":"+next[5]+":new")
			g.want("its deadline", g.rdb.ZScore(t.Context(), g.keys[3], "1").Val(), float64(number(next[5])))
			g.want("dropped", g.record(0), old+":free")
			g.want("not named", g.record(2), old+":"+strings.SplitN(g.record(2), ":", 3)[1]+":old")
			g.want("another's", g.record(4), other[4]+":"+other[5]+":other")
			g.want("nobody's", g.record(5), "")
			g.want("states", g.letters(), "fhhhhfffff")
			g.want("deadlines", g.rdb.ZCard(t.Context(), g.keys[3]).Val(), 4)
		}
		g.want("word", g.run(releaseScript, "plan", "new", next[4], 1, 3)[0], "ok")
		g.want("released", g.letters(), "ffhfhfffff")
		g.want("unloaded", g.run(handoverScript, append([]any{"other plan"}, args[1:]...)...)[0], "unloaded")
	})
}

func TestMarkGivesWayToHigherFences(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		a := g.lease("hold-1", 0, 1)
		fence := number(a[4])
		g.run(markScript, "plan", "", 0, fence-1, "sold")
		g.want("newer lease stays", g.letters(), "hhffffffff")
		version := g.field("version")
		g.run(markScript, "plan", "", 0, fence, "sold", 5, 3, "sold")
		g.want("sold", g.letters(), "shfffsffff")
		g.want("record", g.record(0), fmt.Sprintf("%d:sold", fence))
		g.want("deadlines", g.rdb.ZRange(t.Context(), g.keys[3], 0, -1).Val(), []string{"1"})
		g.want("version", g.field("version"), version+1)
		g.run(markScript, "plan", "", 0, fence, "sold")
		g.want("twice is once", g.field("version"), version+1)
		g.want("taken", g.lease("hold-2", 0)[0], "taken")
		g.run(markScript, "plan", "", 0, fence+1, "free")
		g.want("opened again", g.letters(), "fhfffsffff")
		g.want("unloaded", g.run(markScript, "other plan", "", 0, 1, "sold")[0], "unloaded")
	})
}

func TestMarkPutsRightWhatALoserFound(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		a := g.lease("loser", 0, 1, 2)
		fence, until := number(a[4]), g.now()+30_000_000
		ahead := fence + 1_000_000
		g.run(markScript, "plan", "loser", 0, 5, "sold", 1, 6, fmt.Sprintf("%d:winner", until), 2, ahead, "free")
		g.want("states", g.letters(), "shffffffff")
		g.want("record", g.record(0), "5:sold")
		g.want("record", g.record(1), fmt.Sprintf("6:%d:winner", until))
		g.want("deadline", g.rdb.ZScore(t.Context(), g.keys[3], "1").Val(), float64(until))
		g.want("fence", g.field("fence"), ahead)
		if next := number(g.lease("next", 2)[4]); next <= ahead {
			t.Errorf("fence %d is not above the database's %d", next, ahead)
		}
	})
}

func TestViewFreesWhatRanOutAndSpeaksOfChangesOnly(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		g.expired(1, "hold-1")
		g.expired(2, "hold-2")
		g.lease("hold-3", 3)
		a := g.run(viewScript, "plan", "", 0, 1)
		g.want("one a look", strings.Count(a[5], "h"), 2)
		g.want("looks", a[4], 1)
		b := g.run(viewScript, "plan", a[2], a[3], 10)
		g.want("the rest", b[5], "fffhffffff")
		g.want("looks", b[4], 2)
		g.want("record", g.record(1), "5:free")
		g.want("deadlines", g.rdb.ZRange(t.Context(), g.keys[3], 0, -1).Val(), []string{"3"})
		c := g.run(viewScript, "plan", b[2], b[3], 10)
		g.want("nothing new", c[5], "")
		g.want("same version", c[3], b[3])
		g.want("another incarnation", g.run(viewScript, "plan", "zero", b[3], 10)[5], "fffhffffff")
		g.want("unloaded", g.run(viewScript, "other plan", "", 0, 10)[0], "unloaded")
	})
}

func TestLoadTakesThePlaceOfWhatItNames(t *testing.T) {
	t.Parallel()
	eachGate(t, func(t *testing.T, g *gate) {
		g.lease("hold-1", 0)
		version, fence := g.field("version"), g.field("fence")
		g.want("somebody was first", g.load("two", "", 0, 0, 0, "ffffffffff"), "loaded")
		g.want("somebody replaced it", g.load("two", "zero", 0, 0, 0, "ffffffffff"), "loaded")
		g.want("untouched", g.letters(), "hfffffffff")

		g.want("lost on the way", g.load("two", "one", 1, 0, 0, "sfffffffff"), "incomplete")
		g.want("untouched", g.letters(), "hfffffffff")

		must0(t, g.rdb.HSet(t.Context(), g.keys[2]+":two", 0, "9:sold", 1, "8:7:hold-2").Err())
		must0(t, g.rdb.ZAdd(t.Context(), g.keys[3]+":two", redis.Z{Score: 7, Member: 1}).Err())
		must0(t, g.rdb.Expire(t.Context(), g.keys[2]+":two", pictureTTL).Err())
		g.want("word", g.load("two", "one", 2, 1, fence+50, "shffffffff"), "ok")
		g.want("states", g.letters(), "shffffffff")
		g.want("record", g.record(0), "9:sold")
		g.want("deadline", g.rdb.ZScore(t.Context(), g.keys[3], "1").Val(), 7)
		g.want("keeps", g.rdb.TTL(t.Context(), g.keys[2]).Val(), "-1ns")
		g.want("fence", g.field("fence"), fence+50)
		if v := g.field("version"); v <= version {
			t.Errorf("version %d after %d", v, version)
		}
		version = g.field("version")
		testenv.Wait(t, time.Second, func() bool { return g.now()/1000 > version }, "Redis's clock stands still")
		must0(t, g.rdb.Del(t.Context(), g.keys...).Err())
		g.want("empty door", g.load("three", "two", 0, 0, 1, "ffffffffff"), "ok")
		if v := g.field("version"); v <= version {
			t.Errorf("version %d after a loss, %d before", v, version)
		}
	})
}
