package api

import (
	"image"
	"image/color"
	"strings"
	"testing"

	qr "github.com/piglig/go-qr"
)

// What is drawn can be read again: the longest code there is, as a camera sees it.
func TestCodeCanBeRead(t *testing.T) {
	t.Parallel()
	text := "frt1." + strings.Repeat("a", 2*(11+40+64+26)) + "." + strings.Repeat("b", 86)
	svg, err := qrCode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(svg, "<svg ") || !strings.Contains(svg, "<rect ") {
		t.Errorf("no picture on a light ground: %.80s", svg)
	}
	code, err := qr.EncodeText(text, qr.Medium)
	if err != nil {
		t.Fatal(err)
	}
	const dot = 4
	side := (code.Size() + 2*quietZone) * dot
	picture := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			if !code.Module(x/dot-quietZone, y/dot-quietZone) {
				picture.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	if read, err := qr.Decode(picture); err != nil || read != text {
		t.Errorf("read %q, %v", read, err)
	}
}
