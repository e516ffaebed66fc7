package hall

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func arena(t *testing.T, seats int) []Section {
	t.Helper()
	sections, err := Arena(seats)
	if err != nil {
		t.Fatal(err)
	}
	return sections
}

func TestArenaHasExactlyTheSeatsAskedFor(t *testing.T) {
	t.Parallel()
	for _, seats := range []int{1, 2, 7, 59, 500, 501, 1499, 1500, 4999, 15_000, 50_000, MaxSeats} {
		t.Run(fmt.Sprint(seats), func(t *testing.T) {
			t.Parallel()
			sections := arena(t, seats)
			ids := map[string]bool{}
			for _, section := range sections {
				for _, row := range section.Rows {
					if len(row.Seats) == 0 {
						t.Errorf("row %s of section %s is empty", row.Row, section.Section)
					}
					for _, seat := range row.Seats {
						if want := strings.Join([]string{section.Section, row.Row, seat.Number}, "-"); seat.Seat != want {
							t.Fatalf("seat %s of row %s in %s", seat.Seat, row.Row, section.Section)
						}
						ids[seat.Seat] = true
					}
				}
			}
			count := 0
			each(sections, func(*Seat) { count++ })
			if count != seats || len(ids) != seats {
				t.Fatalf("%d seats with %d ids, want %d", count, len(ids), seats)
			}
		})
	}
}

// TestNobodySitsOnAnother looks, for each seat, at those in its square of the
// plan and the squares around.
func TestNobodySitsOnAnother(t *testing.T) {
	t.Parallel()
	const closest = 5.0 // decimetres
	for _, seats := range []int{7, 500, 15_000, MaxSeats} {
		t.Run(fmt.Sprint(seats), func(t *testing.T) {
			t.Parallel()
			squares := map[[2]int][]Seat{}
			each(arena(t, seats), func(s *Seat) {
				x, y := int(s.X/closest), int(s.Y/closest)
				for dx := -1; dx <= 1; dx++ {
					for dy := -1; dy <= 1; dy++ {
						for _, other := range squares[[2]int{x + dx, y + dy}] {
							if d := math.Hypot(s.X-other.X, s.Y-other.Y); d < closest {
								t.Fatalf("%s and %s are %.2f dm apart", s.Seat, other.Seat, d)
							}
						}
					}
				}
				squares[[2]int{x, y}] = append(squares[[2]int{x, y}], *s)
			})
		})
	}
}

func TestPlanStartsAtItsCorner(t *testing.T) {
	t.Parallel()
	left, top := math.Inf(1), math.Inf(1)
	each(arena(t, 15_000), func(s *Seat) {
		left, top = min(left, s.X), min(top, s.Y)
		if s.X != math.Round(s.X*10)/10 || s.Y != math.Round(s.Y*10)/10 {
			t.Errorf("%s lies at %v, %v: more than one decimal", s.Seat, s.X, s.Y)
		}
	})
	if left != margin || top != margin {
		t.Errorf("the plan starts at %v, %v, want %v twice", left, top, margin)
	}
}

func TestPricesFallWithDistance(t *testing.T) {
	t.Parallel()
	sections := arena(t, 15_000)
	seats, floorSum, floorCount := map[int64]int{}, int64(0), int64(0)
	for _, s := range sections {
		_, n := middleOf(s)
		seats[s.Price] += n
		if strings.HasPrefix(s.Name, "Floor") {
			floorSum, floorCount = floorSum+s.Price*int64(n), floorCount+int64(n)
		}
	}
	for _, p := range prices {
		if part := float64(seats[p.price]) / 15_000; part < 0.05 || part > 0.4 {
			t.Errorf("%.0f %% of the seats cost %d", 100*part, p.price)
		}
	}
	if mean := floorSum / floorCount; mean < 170_000 {
		t.Errorf("the floor costs %d in the mean", mean)
	}
	if front, top := sections[1].Price, sections[len(sections)/2+len(sections)/4].Price; front <= top {
		t.Errorf("before the stage a seat costs %d, in the upper bowl %d", front, top)
	}
}

func TestLeftAndRightCostTheSame(t *testing.T) {
	t.Parallel()
	for _, seats := range []int{500, 15_000, 50_000} {
		bowls := map[byte][]Section{}
		for _, s := range arena(t, seats) {
			if !strings.HasPrefix(s.Name, "Floor") {
				bowls[s.Section[0]] = append(bowls[s.Section[0]], s)
			}
		}
		for _, ring := range bowls {
			for i, left := range ring {
				if right := ring[len(ring)-1-i]; left.Price != right.Price {
					t.Errorf("of %d seats those in %s cost %d, in %s %d",
						seats, left.Section, left.Price, right.Section, right.Price)
				}
			}
		}
	}
}

func TestArenaIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	if !reflect.DeepEqual(arena(t, 3000), arena(t, 3000)) {
		t.Fatal("two arenas of 3000 seats differ")
	}
}

func TestArenaRefusesOtherSizes(t *testing.T) {
	t.Parallel()
	for _, seats := range []int{-1, 0, MaxSeats + 1} {
		if _, err := Arena(seats); err == nil {
			t.Errorf("made a hall of %d seats", seats)
		}
	}
}
