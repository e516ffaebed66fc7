package booking

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	arena "frontrow/internal/hall"

	"pgregory.net/rapid"
)

// drawnHall is a random hall, and what the test knows of it by itself: which seats sit
// beside the next one.
type drawnHall struct {
	sections []Section
	joined   []bool // by ordinal: the next ordinal is a neighbour
	of       []int  // by ordinal: the section
	letters  []byte
}

func drawHall(t *rapid.T) drawnHall {
	h := drawnHall{}
	for s := range rapid.IntRange(1, 3).Draw(t, "sections") {
		section := Section{Section: fmt.Sprint(s), Price: int64(rapid.IntRange(1, 2).Draw(t, "price"))}
		for r := range rapid.IntRange(1, 4).Draw(t, "rows") {
			n := rapid.IntRange(1, 9).Draw(t, "seats")
			aisle := -1
			if n >= 4 { // fewer gaps do not tell an aisle from the usual
				aisle = rapid.IntRange(-1, n-2).Draw(t, "aisle")
			}
			row, x := Row{Row: fmt.Sprint(r)}, 0.0
			for i := range n {
				row.Seats = append(row.Seats, Seat{Seat: fmt.Sprintf("%d-%d-%d", s, r, i), X: x, Y: float64(r)})
				h.joined = append(h.joined, i < n-1 && i != aisle)
				h.of = append(h.of, s)
				h.letters = append(h.letters, rapid.SampledFrom([]byte("fffhs")).Draw(t, "letter"))
				if x += 0.5; i == aisle {
					x += 0.5
				}
			}
			section.Rows = append(section.Rows, row)
		}
		h.sections = append(h.sections, section)
	}
	return h
}

func (h drawnHall) free(o int) bool {
	return o >= 0 && o < len(h.letters) && h.letters[o] == letterFree
}

// together tells whether n free seats sit beside each other from an ordinal on.
func (h drawnHall) together(at, n int) bool {
	for o := at; o < at+n; o++ {
		if !h.free(o) || o < at+n-1 && !h.joined[o] {
			return false
		}
	}
	return true
}

// orphans tells whether taking n seats from an ordinal on leaves a single one.
func (h drawnHall) orphans(at, n int) bool {
	left := func(o int) bool { return h.free(o) && h.joined[o] }
	right := func(o int) bool { return h.joined[o-1] && h.free(o) }
	lonelyLeft := at > 0 && left(at-1) && (at == 1 || !left(at-2))
	end := at + n
	lonelyRight := end < len(h.letters) && right(end) && (end+1 == len(h.letters) || !right(end+1))
	return lonelyLeft || lonelyRight
}

func (h drawnHall) chart(version int64) *chart {
	c := newChart(newSeating(h.sections))
	c.learn(h.view(version))
	return c
}

func (h drawnHall) view(version int64) *view {
	return &view{incarnation: "one", States: States{Version: version, States: string(h.letters)}}
}

// Whatever is chosen was free, is beside each other if anything is, leaves no single
// seat if it can be helped, and is offered to nobody else.
func TestChoosingKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHall(t)
		c := h.chart(1)
		for range rapid.IntRange(1, 6).Draw(t, "asks") {
			n := rapid.IntRange(1, 5).Draw(t, "n")
			var section *int
			if in := rapid.IntRange(-1, len(h.sections)-1).Draw(t, "section"); in >= 0 {
				section = &in
			}
			h.judge(t, n, section, c.choose(n, section, nil, rapid.IntRange(0, 30).Draw(t, "slack")))
		}
	})
}

// judge holds what was chosen against the hall, and takes it out of it.
func (h drawnHall) judge(t *rapid.T, n int, section *int, chosen []int) {
	within := func(o int) bool { return section == nil || h.of[o] == *section }
	free, group, clean := 0, false, map[int]bool{}
	for o := range h.letters {
		if !within(o) {
			continue
		}
		if h.free(o) {
			free++
		}
		if h.together(o, n) {
			group = true
			clean[h.of[o]] = clean[h.of[o]] || !h.orphans(o, n)
		}
	}
	if (chosen == nil) != (free < n) {
		t.Fatalf("of %d free seats %v were chosen for %d", free, chosen, n)
	}
	if chosen == nil {
		return
	}
	if len(chosen) != n || len(slices.Compact(slices.Sorted(slices.Values(chosen)))) != n {
		t.Fatalf("chosen for %d: %v", n, chosen)
	}
	for _, o := range chosen {
		if !h.free(o) || !within(o) {
			t.Fatalf("chosen: %v; %d is %c, in section %d", chosen, o, h.letters[o], h.of[o])
		}
	}
	switch at := chosen[0]; {
	case group && (!h.together(at, n) || chosen[n-1] != at+n-1):
		t.Fatalf("chosen: %v, though %d sit together elsewhere in %s", chosen, n, h.letters)
	case group && clean[h.of[at]] && h.orphans(at, n):
		t.Fatalf("chosen: %v, which leaves a single seat in %s", chosen, h.letters)
	}
	for _, o := range chosen {
		h.letters[o] = letterHeld
	}
}

// A chart that is kept up to date is the same as one made anew.
func TestChartFollowsItsLooks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHall(t)
		c := h.chart(1)
		for version := range int64(5) {
			for n := 1; n <= 3; n++ { // fills what is remembered of benches
				c.settle(c.choose(n, nil, nil, 6), func(int) bool { return false }, 0)
			}
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				at := rapid.IntRange(0, len(h.letters)-1).Draw(t, "at")
				h.letters[at] = rapid.SampledFrom([]byte("fhs")).Draw(t, "letter")
			}
			c.learn(h.view(version + 2))
			if string(c.letters) != string(h.letters) {
				t.Fatalf("the chart shows %s, the door %s", c.letters, h.letters)
			}
			for n := 1; n <= 3; n++ {
				for _, tier := range c.seating.tiers {
					at, ok := c.together(tier.benches, n, 0)
					anew, found := h.chart(1).together(tier.benches, n, 0)
					if ok != found || ok && c.orphansAt(at, n) != c.orphansAt(anew, n) {
						t.Fatalf("%d seats: %d, %v; on a new chart %d, %v", n, at, ok, anew, found)
					}
				}
			}
		}
	})
}

func (c *chart) orphansAt(at, n int) (orphans bool) {
	c.places(int(c.seating.benchOf[at]), n, func(o offer) {
		if int(o.at) == at {
			orphans = o.orphans
		}
	})
	return orphans
}

// stalls is a section with a row for each word; '_' is an aisle.
func stalls(name string, price int64, rows ...string) Section {
	s := Section{Section: name, Price: price}
	for i, letters := range rows {
		row, x := Row{Row: fmt.Sprint(i + 1)}, 0.0
		for _, letter := range letters {
			if x++; letter != '_' {
				row.Seats = append(row.Seats, Seat{Seat: fmt.Sprintf("%s-%d-%d", name, i+1, len(row.Seats)+1), X: x, Y: float64(i)})
			}
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func TestChoosingTheBest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rows []string // of section A; of B where one begins with a blank
		n    int
		want []string // any of these
	}{
		"the middle of the first row":       {[]string{"fffff", "fffff"}, 1, []string{"A-1-3"}},
		"no single seat at the edge":        {[]string{"fffff"}, 2, []string{"A-1-1 A-1-2", "A-1-4 A-1-5"}},
		"no single seat between":            {[]string{"hfffffh"}, 3, []string{"A-1-2 A-1-3 A-1-4", "A-1-4 A-1-5 A-1-6"}},
		"a single seat if nothing else":     {[]string{"hfffh"}, 2, []string{"A-1-2 A-1-3", "A-1-3 A-1-4"}},
		"a row back rather than a single":   {[]string{"hfffh", "hffh"}, 2, []string{"A-2-2 A-2-3"}},
		"the front rather than the middle":  {[]string{"ffhhhh", "hhffhh"}, 2, []string{"A-1-1 A-1-2"}},
		"not across the aisle":              {[]string{"fff_fff"}, 4, []string{"A-1-1 A-1-2 A-1-3 A-1-4", "A-1-1 A-1-2 A-1-4 A-1-5", "A-1-2 A-1-3 A-1-4 A-1-5", "A-1-1 A-1-2 A-1-5 A-1-6", "A-1-2 A-1-3 A-1-5 A-1-6"}},
		"beside the aisle":                  {[]string{"hhff_fhhh"}, 2, []string{"A-1-3 A-1-4"}},
		"the lone one":                      {[]string{"ffh", "hhf"}, 1, []string{"A-2-3"}},
		"the dear section":                  {[]string{"fff", " ffffff"}, 3, []string{"A-1-1 A-1-2 A-1-3"}},
		"together rather than dear":         {[]string{"fhf", " ff"}, 2, []string{"B-1-1 B-1-2"}},
		"two pairs rather than four single": {[]string{"fhfhf", "ffhff", "fhfhf"}, 4, []string{"A-2-1 A-2-2 A-2-4 A-2-5"}},
		"pairs above each other":            {[]string{"ffhhhhhhff", "ffhhhhhhhh"}, 4, []string{"A-1-1 A-1-2 A-2-1 A-2-2"}},
		"three and two rather than four":    {[]string{"fffhff"}, 5, []string{"A-1-1 A-1-2 A-1-3 A-1-5 A-1-6"}},
		"near each other":                   {[]string{"fhhhhhhfhf"}, 2, []string{"A-1-10 A-1-8"}},
		"over sections at last":             {[]string{"fhh", " fhh"}, 2, []string{"A-1-1 B-1-1"}},
		"not enough":                        {[]string{"fhs"}, 2, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a, b []string
			var letters strings.Builder
			for _, row := range test.rows {
				letters.WriteString(strings.Trim(strings.ReplaceAll(row, "_", ""), " "))
				if rest, ok := strings.CutPrefix(row, " "); ok {
					b = append(b, rest)
				} else {
					a = append(a, row)
				}
			}
			sections := []Section{stalls("A", 2, a...)}
			if b != nil {
				sections = append(sections, stalls("B", 1, b...))
			}
			layout := &Layout{Sections: sections}
			must0(t, layout.index())
			got := map[string]bool{}
			for range 50 {
				c := newChart(layout.seating)
				c.learn(&view{States: States{States: letters.String()}})
				var seats []string
				for _, o := range c.choose(test.n, nil, nil, 0) {
					seats = append(seats, layout.Seat(o))
				}
				slices.Sort(seats)
				got[strings.Join(seats, " ")] = true
			}
			for seats := range got {
				if !slices.Contains(test.want, seats) {
					t.Errorf("chose %q, want one of %q", seats, test.want)
				}
			}
		})
	}
}

// Those who ask at other gateways at the same moment do not all get the same.
func TestChoicesSpreadAmongEqualPlaces(t *testing.T) {
	t.Parallel()
	row := strings.Repeat("f", 20)
	s := newSeating([]Section{stalls("A", 1, row, row, row)})
	got := map[int]bool{}
	for range 200 {
		c := newChart(s)
		c.learn(&view{States: States{States: row + row + row}})
		got[c.choose(2, nil, nil, bestSlack)[0]] = true
	}
	if len(got) < 4 {
		t.Errorf("200 gateways chose %v", got)
	}
}

// What was offered stays off the chart until a look tells of it, or it is given up.
func TestOffersStandUntilTheyAreSettled(t *testing.T) {
	t.Parallel()
	s := newSeating([]Section{stalls("A", 1, "ffff")})
	c := newChart(s)
	look := func(version int64, letters string) {
		c.learn(&view{incarnation: "one", States: States{Version: version, States: letters}})
	}
	look(1, "ffff")
	first, second := c.choose(2, nil, nil, 0), c.choose(2, nil, nil, 0)
	if c.choose(1, nil, nil, 0) != nil {
		t.Fatal("offered twice")
	}
	c.settle(first, func(int) bool { return true }, 5)
	c.settle(second, func(o int) bool { return o == second[0] }, 6)
	if got := c.choose(1, nil, nil, 0); !slices.Equal(got, second[1:]) {
		t.Errorf("%v was offered, want what was not taken of %v", got, second)
	}
	look(4, "ffff") // older than what is known
	if got := c.choose(1, nil, nil, 0); got != nil {
		t.Errorf("%v was offered by an old look", got)
	}
	look(5, "ffff") // the first two were given back by then
	if got := c.choose(2, nil, nil, 0); !slices.Equal(got, first) {
		t.Errorf("%v was offered, want %v", got, first)
	}
}

// Own seats are free to whoever changes them, and to nobody else.
func TestOwnSeatsCanBeChosenAgain(t *testing.T) {
	t.Parallel()
	c := newChart(newSeating([]Section{stalls("A", 1, "hhfs")}))
	c.learn(&view{States: States{Version: 1, States: "hhfs"}})
	got := c.choose(3, nil, []int{0, 1}, 0)
	if !slices.Equal(got, []int{0, 1, 2}) {
		t.Fatalf("chose %v", got)
	}
	c.settle(got, func(int) bool { return false }, 1)
	if got := c.choose(2, nil, nil, 0); got != nil {
		t.Errorf("somebody else was offered %v", got)
	}
	if got := c.choose(1, nil, nil, 0); !slices.Equal(got, []int{2}) {
		t.Errorf("chose %v", got)
	}
}

// BenchmarkChoose asks for two seats in an arena of 50,000, half of them free, with
// a look that changes fifty seats after each hundred asks.
func BenchmarkChoose(b *testing.B) {
	for name, letters := range map[string]string{"half free": "ffffhhhh", "no two beside each other": "fh"} {
		b.Run(name, func(b *testing.B) {
			const seats = 50_000
			plan, err := arena.Arena(seats)
			if err != nil {
				b.Fatal(err)
			}
			raw, err := json.Marshal(plan)
			if err != nil {
				b.Fatal(err)
			}
			var sections []Section
			if err := json.Unmarshal(raw, &sections); err != nil {
				b.Fatal(err)
			}
			state := []byte(strings.Repeat(letters, seats/len(letters)))
			c := newChart(newSeating(sections))
			look := func(version int) {
				c.learn(&view{States: States{Version: int64(version), States: string(state)}})
			}
			look(0)
			for i := 0; b.Loop(); i++ {
				if i%100 == 99 {
					for j := range 50 {
						at := (i*31 + j*977) % (seats - 1)
						state[at], state[at+1] = state[at+1], state[at]
					}
					look(i)
				}
				c.settle(c.choose(2, nil, nil, bestSlack), func(int) bool { return false }, 0)
			}
		})
	}
}
