package queue

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// at is the position of a number by the knots.
func at(knots []Knot, number int64) float64 {
	for i, knot := range knots[1:] {
		if last := knots[i]; number <= knot.Number {
			return float64(last.Position) + float64(knot.Position-last.Position)*float64(number-last.Number)/float64(knot.Number-last.Number)
		}
	}
	return math.Inf(1)
}

// However people are spread over the numbers, nobody's position on the board is further
// off than half a percent, or five places.
func TestTheBoardIsNearTheTruth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var raw []byte
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			share := rapid.Float64Range(0, 1).Draw(t, "share present")
			for range rapid.SampledFrom([]int{1, 10, 200, 5000}).Draw(t, "bytes") {
				octet := byte(0)
				for bit := range 8 {
					if random.Float64() < share {
						octet |= 1 << bit
					}
				}
				raw = append(raw, octet)
			}
		}
		head := rapid.Int64Range(0, 63).Draw(t, "head")
		returned := rapid.Int64Range(0, 3000).Draw(t, "returned")
		l := newLine(0, head, raw)
		knots := l.knots(returned)
		next, numbers := 1, int64(len(raw))*8
		for number := head + 1; number < numbers; number++ {
			position, ok := l.position(number)
			if !ok {
				continue
			}
			for knots[next].Number < number {
				next++
			}
			exact := float64(returned + position)
			if off := math.Abs(at(knots[next-1:next+1], number) - exact); off > math.Max(5, 0.005*exact) {
				t.Fatalf("number %d is at %.0f, and by the board %.1f off", number, exact, off)
			}
		}
	})
}
