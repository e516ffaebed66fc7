package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"strings"
	"testing"
)

func someLobby(t *testing.T, n int) (lobby, []string) {
	t.Helper()
	ids, texts := make([]visitorID, n), make([]string, n)
	for i := range ids {
		texts[i] = NewVisitor()
		ids[i], _ = visitorBits(texts[i])
	}
	sort.Strings(texts)
	return newLobby(ids), texts
}

func sum(text string) string {
	raw := sha256.Sum256([]byte(text))
	return hex.EncodeToString(raw[:])
}

// Somebody with sha256sum and sort comes to the same.
func TestADrawIsWhatItsTextsSay(t *testing.T) {
	t.Parallel()
	l, texts := someLobby(t, 2500)
	seed := NewSeed()
	equal(t, len(seed), 64, "characters of a seed")
	equal(t, Commitment(seed), sum(seed), "commitment")
	equal(t, l.hash(), sum(strings.Join(texts, "\n")+"\n"), "hash of the lobby")
	for _, beacon := range []string{"", "e2a1"} {
		o := draw(seed, beacon, l)
		want := slices.Clone(texts)
		sort.Slice(want, func(i, j int) bool { return sum(seed+beacon+want[i]) < sum(seed+beacon+want[j]) })
		if !slices.Equal(o.some(0, 5000), want) {
			t.Errorf("beacon %q: another order than by hand", beacon)
		}
		for rank, visitor := range want {
			if got, ok := o.rank(visitor); !ok || got != rank {
				t.Fatalf("visitor %s has rank %d, %v; want %d", visitor, got, ok, rank)
			}
		}
		if _, ok := o.rank(NewVisitor()); ok {
			t.Error("somebody who was not there has a rank")
		}
		if _, ok := o.rank("no visitor"); ok {
			t.Error("nobody has a rank")
		}
		equal(t, strings.Join(o.some(2498, 10), " "), strings.Join(want[2498:], " "), "the last two")
		equal(t, len(o.some(2500, 10)), 0, "visitors behind the last")
	}
}

// Two hashes that begin alike do not hide one another.
func TestRanksOfEqualKeys(t *testing.T) {
	t.Parallel()
	l, _ := someLobby(t, 50)
	o := draw("seed", "", l)
	for i := 10; i < 20; i++ {
		o.keys[i] = o.keys[10]
	}
	rank, ok := o.rank(o.ids[10].String())
	equal(t, ok, true, "found")
	equal(t, rank, 10, "rank")
	o.ids[10], o.ids[19] = o.ids[19], o.ids[10]
	rank, _ = o.rank(o.ids[19].String())
	equal(t, rank, 19, "rank among equals")
}

func TestLobbiesAreStoredInParts(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, lobbyPart, lobbyPart + 1} {
		l, _ := someLobby(t, n)
		parts := l.parts()
		equal(t, len(parts), (n+lobbyPart-1)/lobbyPart, "parts")
		for _, part := range parts {
			if len(part) > 65_535 {
				t.Errorf("a part of %d bytes", len(part))
			}
		}
		back, err := readLobby(parts)
		must(t, err)
		if !slices.Equal(back, l) {
			t.Errorf("%d visitors are read as %d others", n, len(back))
		}
	}
	twice, _ := visitorBits(NewVisitor())
	equal(t, len(newLobby([]visitorID{twice, twice})), 1, "places of one visitor")
	for _, bad := range []string{"short", "fourteen chars", strings.Repeat("a", 15)} {
		if _, err := readLobby([]string{bad}); err == nil {
			t.Errorf("%q is read as a lobby", bad)
		}
	}
}
