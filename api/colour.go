package api

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// The grounds that the accent stands on, as web/frontrow.css has them.
var (
	lightGrounds = []colour{{0xf7, 0xf5, 0xf2}, {0xff, 0xff, 0xff}}
	darkGrounds  = []colour{{0x13, 0x11, 0x16}, {0x1d, 0x1a, 0x22}}
)

// leastContrast is what WCAG 2.2 AA asks of text.
const leastContrast = 4.5

type colour struct{ r, g, b uint8 }

var colourPattern = regexp.MustCompile(`^#[0-9a-f]{6}$`)

func readColour(text string) (colour, bool) {
	if !colourPattern.MatchString(text) {
		return colour{}, false
	}
	n, _ := strconv.ParseUint(text[1:], 16, 32)                  // as matched
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true //nolint:gosec // the lowest eight bits of each
}

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

// luminance is that of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

func (c colour) contrast(o colour) float64 {
	a, b := c.luminance(), o.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// soft is the colour, faint on a card.
func (c colour) soft(card colour) colour {
	mix := func(a, b uint8) uint8 { return uint8(math.Round(0.12*float64(a) + 0.88*float64(b))) }
	return colour{mix(c.r, card.r), mix(c.g, card.g), mix(c.b, card.b)}
}

// on is the colour of text on it.
func (c colour) on() colour {
	white, black := colour{255, 255, 255}, darkGrounds[0]
	if c.contrast(white) >= c.contrast(black) {
		return white
	}
	return black
}

// contrastOf says why a colour cannot be the accent on these grounds, the last of which is that of cards; "" where
// it can.
func contrastOf(text string, grounds []colour) string {
	c, ok := readColour(text)
	if !ok {
		return "must be a colour such as #5b2be0, in small letters"
	}
	least := c.contrast(c.soft(grounds[len(grounds)-1]))
	for _, ground := range grounds {
		least = min(least, c.contrast(ground))
	}
	if least < leastContrast {
		return fmt.Sprintf("has a contrast of %.1f to 1 against the page, and text needs %.1f: take a %s", math.Floor(least*10)/10, leastContrast, map[bool]string{true: "darker one", false: "lighter one"}[grounds[0].luminance() > 0.5])
	}
	return ""
}
