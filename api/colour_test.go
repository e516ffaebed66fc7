package api

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Contrasts that others have worked out (WebAIM's checker).
func TestContrast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#ffffff", "#ffffff", 1}, {"#767676", "#ffffff", 4.54}, {"#777777", "#ffffff", 4.48}} {
		a, _ := readColour(c.a)
		b, _ := readColour(c.b)
		if got := a.contrast(b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// The accents of the pages as they come pass the test that those of themes must.
func TestTheOwnAccentsPass(t *testing.T) {
	t.Parallel()
	css, err := web.ReadFile("web/frontrow.css")
	if err != nil {
		t.Fatal(err)
	}
	for accent, grounds := range map[string][]colour{"#5b2be0": lightGrounds, "#b8a2ff": darkGrounds} {
		if reason := contrastOf(accent, grounds); reason != "" {
			t.Errorf("%s %s", accent, reason)
		}
		for _, written := range []string{"--accent: " + accent, "--ground: " + grounds[0].String()} {
			if !strings.Contains(string(css), written) {
				t.Errorf("frontrow.css has no %s", written)
			}
		}
	}
}

func TestAccentsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		grounds []colour
		want    string
	}{
		{"#b8a2ff", lightGrounds, "take a darker one"},
		{"#5b2be0", darkGrounds, "take a lighter one"},
		{"#767676", lightGrounds, "contrast of 3."}, // on white alone it would do
		{"#5B2BE0", lightGrounds, "small letters"},
		{"red", lightGrounds, "must be a colour"},
		{"#fff", lightGrounds, "must be a colour"},
		{"", lightGrounds, "must be a colour"},
		{"#5b2be0;}body{display:none", lightGrounds, "must be a colour"},
	} {
		if got := contrastOf(c.text, c.grounds); !strings.Contains(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// quiets are the colours of quiet text, for light and for dark, as web/frontrow.css has them.
var quiets = []colour{{0x5c, 0x57, 0x63}, {0xae, 0xa7, 0xb8}}

// Whatever colour passes, text on it and in it can be read.
func TestColoursThatPassCanBeRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := colour{rapid.Byte().Draw(t, "r"), rapid.Byte().Draw(t, "g"), rapid.Byte().Draw(t, "b")}
		for i, grounds := range [][]colour{lightGrounds, darkGrounds} {
			if contrastOf(c.String(), grounds) != "" {
				continue
			}
			for _, pair := range [][2]colour{{c, grounds[0]}, {c, grounds[1]}, {c, c.soft(grounds[1])}, {c.on(), c}, {quiets[i], c.soft(grounds[1])}} {
				if got := pair[0].contrast(pair[1]); got < leastContrast {
					t.Fatalf("%s on %s: %.2f", pair[0], pair[1], got)
				}
			}
		}
	})
}
