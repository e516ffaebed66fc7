package main

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"frontrow/internal/testenv"
)

// screens is where `make screens` writes the pictures of all pages; empty: nowhere.
var screens = flag.String("screens", "", "write pictures of the pages into this `directory`")

// mostPicture is the most bytes of one picture.
const mostPicture = 60 << 10

// pictured writes a whole page as a tab shows it, on a phone and on a desk, light and dark.
func (p *tab) pictured(name string) {
	p.t.Helper()
	p.takes(name, 800, func() ([]byte, error) {
		if eval[bool](p, "document.documentElement.scrollHeight > 2000 || !!document.querySelector('#hall:not([hidden])')") {
			return chromedp.Run(p.ctx, chromedp.CaptureScreenshot()) // a long list is soon seen, and what stays at hand would lie across it
		}
		return chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	})
}

// takesWindow writes what is in the window, and no more, with an element in its middle.
func (p *tab) takesWindow(name, selector string) {
	p.t.Helper()
	p.takes(name, 840, func() ([]byte, error) {
		eval[bool](p, "(document.querySelector("+quoted(selector)+").scrollIntoView({ block: 'center' }), true)")
		return chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	})
}

func (p *tab) takes(name string, height int64, take func() ([]byte, error)) {
	p.t.Helper()
	for _, width := range []int64{390, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			must(p.t, chromedp.Do(p.ctx, chromedp.EmulateViewport(width, height)))
			p.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
			eval[bool](p, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
			p.becomes("document.querySelector('#map')?.dataset.moves === undefined", "the map does not come to rest")
			picture, err := take()
			must(p.t, err)
			picture = fewColours(p.t, picture)
			if len(picture) > mostPicture {
				p.t.Errorf("%s is of %d bytes at %d, %s", name, len(picture), width, scheme)
			}
			file := filepath.Join(*screens, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
			must(p.t, os.WriteFile(file, picture, 0o644)) //nolint:gosec // everybody may look at it
		}
	}
}

// fewColours writes a picture with its 256 most frequent colours, the rest as the nearest of
// them: a page has hardly more.
func fewColours(t *testing.T, raw []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(raw))
	must(t, err)
	counts, bounds := map[color.Color]int{}, full.Bounds()
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			counts[full.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] }))
	palette = palette[:min(256, len(palette))]
	nearest := map[color.Color]uint8{}
	few := image.NewPaletted(bounds, palette)
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			c := full.At(x, y)
			i, known := nearest[c]
			if !known {
				i = uint8(palette.Index(c)) //nolint:gosec // below 256
				nearest[c] = i
			}
			few.SetColorIndex(x, y, i)
		}
	}
	var out bytes.Buffer
	must(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, few))
	return out.Bytes()
}

// concert is a show worth looking at.
func concert(spec map[string]any) {
	spec["title"], spec["venue"], spec["plays_at"] = "Moonlit Orchestra", "Olympic Hall, Seoul", "2027-03-20T10:00:00Z"
}

// moonrise is a picture of few colours.
func moonrise(t *testing.T) []byte {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 1280, 720), color.Palette{
		color.RGBA{0x2b, 0x12, 0x3a, 255}, color.RGBA{0xf6, 0xd3, 0xb0, 255}, color.RGBA{0x8a, 0x1c, 0x4a, 255}, color.RGBA{0x16, 0x0c, 0x22, 255},
	})
	for x := range 1280 {
		for y := range 720 {
			dx, dy, hill := x-860, y-330, (x-400)*(x-400)/2400
			switch {
			case y > 520+hill/2:
				m.SetColorIndex(x, y, 3)
			case dx*dx+dy*dy < 170*170:
				m.SetColorIndex(x, y, 1)
			case dx*dx+dy*dy < 300*300:
				m.SetColorIndex(x, y, 2)
			}
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.Bytes()
}

// TestScreens makes the pictures of the waiting room in docs/screens.
func TestScreens(t *testing.T) {
	if *screens == "" {
		t.Skip("only with -screens: make screens")
	}
	must(t, os.MkdirAll(*screens, 0o755)) //nolint:gosec // everybody may look into it
	b, g := browser(t), backend{}.serve(t)

	far := g.show(concert, rules(map[string]any{
		"admit": 1, "interval_ms": 1000, "max_active": 10_000, "absence_seconds": 600, "return_seconds": 1200, "claim_seconds": 600,
	}), func(spec map[string]any) { spec["sections"] = []any{section("A", 165_000, 4000)} })
	for range 1250 {
		g.joins(far)
	}
	p := b.visitor(t, g).opens("/shows/"+far).sees("#joins", "Join")
	p.pictured("joining")
	p.clicks("#joins button").sees("#position", "1,").sees("#moved", "Moved up").sees("#eta", "minutes").sees("#chance", "reach")
	p.pictured("waiting")
	p.clicks("#leave").sees("#sure", "Leave").pictured("leaving")
	p.clicks("#stay").lacks("#sure")
	g.admin("PUT", "/v1/admin/shows/"+far+"/message", map[string]any{"text": "The doors open at 18:00. There is a cloakroom on the left."}).want(http.StatusOK)
	p.sees("#message", "cloakroom").pictured("message")
	p.offline(true).sees("#trouble", "No connection").pictured("offline")
	p.offline(false).lacks("#trouble")

	p.clicks("#move summary").clicks("#move button").sees("#code-left", "4:").pictured("move")
	code := p.codeShown()
	device := b.visitor(t, g).opens("/shows/" + far).clicks("#arrive summary").entersCode(code)
	device.pictured("code")
	device.clicks("#arrive button").sees("#position", "1,")
	p.sees("#elsewhere", "Your place has moved").pictured("moved")

	theme := "/v1/admin/shows/" + far + "/theme"
	hash := g.putPicture(far, "image/png", moonrise(t)).want(http.StatusOK).text("picture")
	g.admin("PUT", theme, map[string]any{
		"name": "Moonlit", "accent": map[string]any{"light": "#8a1c4a", "dark": "#ff9dc4"}, "picture": hash,
		"texts": map[string]any{"en": "The doors open at 18:00. Please bring a photo ID."},
	}).want(http.StatusOK)
	g.admin("POST", theme+"/publish", nil).want(http.StatusOK)
	device.opens("/shows/"+far).sees(".about", "photo ID").sees("#position", "1,").pictured("themed")
	device.opens("/shows/"+far+"/widget").sees("#position", "1,").pictured("widget")

	near := g.show(concert, shut)
	q := b.visitor(t, g).opens("/shows/" + near)
	q.clicks("#joins button").sees("#ahead", "You are next").pictured("next")
	g.letsIn(near)
	q.sees("#admitted", "It is your turn").pictured("turn")

	lobby := g.show(concert, shut, inLobby(map[string]any{}, time.Now().Add(42*time.Minute)))
	g.drawIs(lobby, "committed")
	l := b.visitor(t, g).opens("/shows/"+lobby).clicks("#joins button").sees("#lobby", "You are in the lobby")
	l.pictured("lobby")
	for range 30 {
		g.joins(lobby)
	}
	g.admin("POST", "/v1/admin/shows/"+lobby+"/open", nil).want(http.StatusOK)
	g.drawIs(lobby, "drawn")
	l.sees("#draw-number", "You drew").clicks("#check").sees("#check-told", "Checked").pictured("drawn")

	sold := g.show(concert, func(spec map[string]any) { spec["sections"] = []any{section("A", 1000, 1)} })
	buyer := g.enters(sold)
	hold := buyer.hold("A-1-1").want(http.StatusCreated).text("hold")
	buyer.charge(5000).want(http.StatusCreated)
	buyer.pay(hold, "one").want(http.StatusCreated)
	s := b.visitor(t, g)
	testenv.Wait(t, 20*time.Second, func() bool {
		s.opens("/shows/" + sold)
		return eval[string](s, "document.documentElement.dataset.state") == "sold_out"
	}, "it is not sold out")
	s.clicks("#enlist").sees("#sold-text", "number 1").pictured("sold-out")
	s.opens("/").sees("h1", "Shows").pictured("shows")
}
