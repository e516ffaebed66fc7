package queue

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/invariant"
	"frontrow/internal/testenv"
)

// ledgerOf are three admissions with which nothing is wrong.
func ledgerOf() []Admission {
	row := Admission{Show: "demo", Generation: 1, Epoch: 1, Admit: 3, IntervalMS: 1000, MaxActive: 10}
	a, b, c := row, row, row
	a.Seq, a.At, a.Count, a.First, a.Last, a.Next, a.ActiveAfter = 1, 1_000_000, 3, 1, 3, 4, 3
	b.Seq, b.At, b.Count, b.First, b.Last, b.Next, b.ActiveAfter = 2, 2_000_000, 3, 4, 7, 8, 6
	c.Seq, c.At, c.Count, c.First, c.Last, c.Next, c.ActiveAfter, c.Returned = 3, 3_000_000, 2, 5, 8, 0, 8, 1
	return []Admission{a, b, c}
}

func TestAuditNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(rows []Admission)
		want  string
	}{
		"nothing":                    {func([]Admission) {}, ""},
		"one too many inside":        {func(r []Admission) { r[1].ActiveAfter = 11 }, invariant.Cap},
		"as many as may be":          {func(r []Admission) { r[1].ActiveAfter = 10 }, ""},
		"more than seats serve":      {func(r []Admission) { r[1].Served = 5 }, invariant.Cap},
		"as many as seats serve":     {func(r []Admission) { r[1].Served = 6 }, ""},
		"too early by a microsecond": {func(r []Admission) { r[1].At-- }, invariant.Rate},
		"more than admit":            {func(r []Admission) { r[0].Admit = 2 }, invariant.Rate},
		"somebody passed over":       {func(r []Admission) { r[1].Next = 6 }, invariant.InOrder},
		"out of order":               {func(r []Admission) { r[1].First = 3 }, invariant.InOrder},
		"more people than numbers":   {func(r []Admission) { r[1].Last = 5; r[2].First = 6 }, invariant.InOrder},
		"a row is missing":           {func(r []Admission) { r[2].Seq = 4 }, invariant.InOrder},
		"time ran backwards":         {func(r []Admission) { r[2].At = 1_500_000; r[2].Admit = 9 }, invariant.InOrder},
		"a new epoch counts anew":    {func(r []Admission) { r[2].Epoch, r[2].Seq = 2, 1 }, ""},
	} {
		rows := ledgerOf()
		test.spoil(rows)
		found := AuditAdmissions(rows)
		switch {
		case test.want == "" && len(found) > 0:
			t.Errorf("%s: found %v", name, found)
		case test.want != "" && (len(found) == 0 || found[0].Invariant != test.want || found[0].Show != "demo"):
			t.Errorf("%s: found %v, want %s", name, found, test.want)
		}
	}
}

func TestAuditOfTheRoomNamesWhatIsBroken(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		for name, test := range map[string]struct {
			spoil func(g *gate, inside, waits *fan)
			want  string
		}{
			"nothing": {func(*gate, *fan, *fan) {}, ""},
			"inside and in line": {func(g *gate, inside, _ *fan) {
				g.redis.ZAdd(t.Context(), g.keys[keyWaiting], redis.Z{Score: 1, Member: inside.who.Visitor})
			}, invariant.OnePlace},
			"one number, two people": {func(g *gate, inside, _ *fan) {
				g.redis.ZAdd(t.Context(), g.keys[keyWaiting], redis.Z{Score: 1, Member: NewVisitor()})
			}, invariant.OnePlace},
			"a number from nowhere": {func(g *gate, _, waits *fan) {
				g.redis.ZAdd(t.Context(), g.keys[keyWaiting], redis.Z{Score: block + 1, Member: waits.who.Visitor})
			}, invariant.OnePlace},
			"inside without a number": {func(g *gate, _, _ *fan) {
				g.redis.ZAdd(t.Context(), g.keys[keyActive], redis.Z{Score: 9e15, Member: NewVisitor()})
			}, invariant.OnePlace},
			"bought and still inside": {func(*gate, *fan, *fan) {}, invariant.ToldOnce},
		} {
			g := newHouse(t, url, quick()).gate()
			inside := g.enters()
			waits := g.joins()
			test.spoil(g, inside, waits)
			var bought []int64
			if test.want == invariant.ToldOnce {
				bought = []int64{1}
			}
			found, err := g.Audit(t.Context(), bought)
			must(t, err)
			switch {
			case test.want == "" && len(found) > 0:
				t.Errorf("%s: found %v", name, found)
			case test.want != "" && (len(found) == 0 || found[0].Invariant != test.want):
				t.Errorf("%s: found %v, want %s", name, found, test.want)
			}
		}
	})
}

func TestWaitsAreScored(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		fans := g.join(3)
		for i, ago := range []int64{10, 10, 100} { // seconds; a tenth is the buckets' width
			fans[i].who.Token.Joined -= ago
			fans[i].who.Token.Low, fans[i].who.Token.High = 5, 20
		}
		g.lets()
		g.look()
		for _, f := range fans {
			f.wants(Admitted)
		}
		s, err := g.Stats(t.Context())
		must(t, err)
		equal(t, s.Waits.Count, 3, "waits counted")
		equal(t, s.Waits.Foretold, 3, "foretold")
		equal(t, s.Waits.Inside, 2, "as foretold")
		if p := s.Waits.P50.Seconds(); p < 9 || p > 12 {
			t.Errorf("median wait %.1f s, want about 10", p)
		}
		if p := s.Waits.P90.Seconds(); p < 90 || p > 112 {
			t.Errorf("p90 %.1f s, want about 100", p)
		}
	})
}
