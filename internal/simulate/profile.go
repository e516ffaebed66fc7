package simulate

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Profile is what a visitor is like.
type Profile int

// The profiles, in the order in which verdicts show them.
const (
	Patient       Profile = iota // polls as told, buys what is wanted
	Impatient                    // polls four times as often as told, leaves before long, and takes what is best without looking
	SleepingPhone                // is silent for longer than absence allows, and comes back
	ManyTabs                     // has one cookie in several tabs, which all join, poll and pay
	Bot                          // joins up to a thousand times, and means to gain by it
	ChangesSeats                 // lets the first seats go and takes others
	WalksOut                     // leaves from inside
	NoShow                       // is never heard of again
	Pusher                       // tries to hold seats while waiting, and after the purchase
	profileCount
)

var profileNames = [profileCount]string{
	"patient", "impatient", "sleeping-phone", "many-tabs", "bot", "changes-seats", "walks-out", "no-show", "pusher",
}

func (p Profile) String() string { return profileNames[p] }

// Mix says how many of a hundred visitors are of which profile.
type Mix [profileCount]int

// DefaultMix is a crowd in which every invariant that visitors can see is tried.
var DefaultMix = Mix{
	Patient: 60, Impatient: 8, SleepingPhone: 6, ManyTabs: 8, Bot: 1, ChangesSeats: 7, WalksOut: 3, NoShow: 3, Pusher: 4,
}

// ParseMix reads shares such as patient=60. No shares at all are the default mix.
// It returns an error for a name that is unknown or comes twice, for a share that is
// no whole number from 0 to 100, and when the shares do not add up to 100.
func ParseMix(shares []string) (Mix, error) {
	if len(shares) == 0 {
		return DefaultMix, nil
	}
	var mix Mix
	named := map[string]bool{}
	sum := 0
	for _, text := range shares {
		name, value, ok := strings.Cut(strings.TrimSpace(text), "=")
		profile, known := profileOf(name)
		share, err := strconv.Atoi(value)
		switch {
		case !ok:
			return mix, fmt.Errorf("mix: %q is not of the form profile=share", text)
		case !known:
			return mix, fmt.Errorf("mix: there is no profile %q; there are %s", name, strings.Join(profileNames[:], ", "))
		case named[name]:
			return mix, fmt.Errorf("mix: %s comes twice", name)
		case err != nil || share < 0 || share > 100:
			return mix, fmt.Errorf("mix: the share of %s must be a whole number from 0 to 100, not %q", name, value)
		}
		named[name] = true
		mix[profile] = share
		sum += share
	}
	if sum != 100 {
		return mix, fmt.Errorf("mix: the shares add up to %d, not to 100", sum)
	}
	return mix, nil
}

func profileOf(name string) (Profile, bool) {
	for p, known := range profileNames {
		if name == known {
			return Profile(p), true
		}
	}
	return 0, false
}

func (m Mix) String() string {
	var parts []string
	for p, share := range m {
		if share > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", Profile(p), share))
		}
	}
	return strings.Join(parts, ",")
}

func (m Mix) draw(random *rand.Rand) Profile {
	n := random.IntN(100)
	for p, share := range m {
		if n -= share; n < 0 {
			return Profile(p)
		}
	}
	return Patient // not reached: shares add up to 100
}

// person is all that is settled about a visitor before the first request.
type person struct {
	profile Profile
	arrives time.Duration // after the start
	home    int           // the gateway to ask first, modulo how many there are
	wants   int           // seats
	stays   int           // polls, as told, before something else is done than wait
	tabs    int
}

// crowd returns the visitors of a run: the same for the same arguments.
func crowd(seed uint64, visitors int, mix Mix) []person {
	people := make([]person, visitors)
	for i := range people {
		people[i] = drawPerson(source(seed, i, 0), mix, arriveWithin(visitors))
	}
	return people
}

// source is one of the two chances in the life of visitor i: 0 makes the person, 1 is
// for what comes up during the visit.
func source(seed uint64, i, which int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(2*i+which)))
}

func drawPerson(random *rand.Rand, mix Mix, within time.Duration) person {
	return person{
		profile: mix.draw(random),
		arrives: time.Duration(random.Int64N(int64(within))),
		home:    random.IntN(1 << 16),
		wants:   1 + random.IntN(2),
		stays:   1 + random.IntN(4),
		tabs:    2 + random.IntN(3),
	}
}

// arriveWithin is how long the wall of arrivals is: two thousand joins a second are
// what gateway, servers and this command manage together on two cores.
func arriveWithin(visitors int) time.Duration {
	return max(5*time.Second, time.Duration(visitors)*time.Second/2000)
}

// joins is how often one bot joins again, and how many of those times as somebody
// new. Bots of a run together join no more often than everybody else and a thousand
// times, and leave no more than every twentieth place behind: a line of nothing but
// abandoned places would show nothing of the others.
func joins(visitors, bots int) (again, asNew int) {
	if bots == 0 {
		return 0, 0
	}
	again = min(mostJoins, (visitors+mostJoins)/bots)
	return again, min(again/2, (visitors/20+20)/bots)
}

// mostJoins is how often a bot joins at the most.
const mostJoins = 1000
