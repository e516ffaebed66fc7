package main

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			m.Set(x, y, color.RGBA{uint8(40 + 100*x/width), 30, uint8(90 + 120*y/height), 255}) //nolint:gosec // below 256
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.Bytes()
}

func (g *testGateway) putPicture(show, kind string, body []byte) reply {
	g.t.Helper()
	return g.do(call{
		method: "PUT", path: "/v1/admin/shows/" + show + "/theme/picture", raw: string(body), bearer: testAdmin,
		header: map[string]string{"Content-Type": kind},
	})
}

// A theme is seen by its preview alone until it is published, and then by everybody.
func TestAThemeIsKeptAndPublished(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(shut)
		path := "/v1/admin/shows/" + show + "/theme"
		hash := g.putPicture(show, "image/png", picture(t, 160, 90)).want(http.StatusOK).text("picture")
		theme := map[string]any{
			"name": "Moonlit", "accent": map[string]any{"light": "#8a1c4a", "dark": "#ff9dc4"}, "picture": hash,
			"texts": map[string]any{"en": "The doors open at 18:00.", "ko": "18시에 입장합니다."},
		}
		preview := g.admin("PUT", path, theme).want(http.StatusOK).text("preview")
		page := func(path, lang string) string {
			return string(g.do(call{method: "GET", path: path, header: map[string]string{"Accept-Language": lang}}).want(http.StatusOK).body)
		}
		shows := func(what, page string, want bool, texts ...string) {
			t.Helper()
			for _, text := range texts {
				if strings.Contains(page, text) != want {
					t.Errorf("%s: %q is there: %t", what, text, !want)
				}
			}
		}
		all := []string{"Moonlit", ":root{--accent:#8a1c4a;", "{:root{--accent:#ff9dc4;", "/pictures/" + hash, "The doors open"}
		shows("the preview", page(preview, "en"), true, append(all, "1,235", "A preview")...)
		shows("the preview in Korean", page(preview+"&state=admitted", "ko"), true, "18시에 입장합니다.")
		shows("before it is published", page("/shows/"+show, "en"), false, all...)
		shows("by a wrong key", page("/shows/"+show+"?preview=x", "en"), false, all...)

		if draft := g.admin("POST", path+"/publish", nil).want(http.StatusOK).json()["draft"]; draft != nil {
			t.Errorf("the draft is still there: %v", draft)
		}
		shows("published", page("/shows/"+show, "en"), true, all...)
		shows("published, in a language without a text", page("/shows/"+show, "ja"), false, "The doors open")
		shows("the preview of what is no draft any more", page(preview, "en"), false, "1,235")
		served := g.do(call{method: "GET", path: "/shows/" + show + "/pictures/" + hash}).want(http.StatusOK)
		if kind, cache := served.header.Get("Content-Type"), served.header.Get("Cache-Control"); kind != "image/png" || !strings.Contains(cache, "immutable") {
			t.Errorf("the picture comes as %s, %s", kind, cache)
		}
		audited := g.admin("GET", "/v1/admin/audit?show="+show, nil).want(http.StatusOK)
		shows("the audit", string(audited.body), true, "change_theme", "Moonlit")

		// The picture that is seen stays when others are stored; those that nobody named do not.
		lost := g.putPicture(show, "image/png", picture(t, 32, 18)).want(http.StatusOK).text("picture")
		g.putPicture(show, "image/png", picture(t, 16, 9)).want(http.StatusOK)
		g.admin("PUT", path, map[string]any{"picture": lost}).problem(http.StatusUnprocessableEntity, "invalid")
		g.admin("PUT", path, map[string]any{"picture": hash}).want(http.StatusOK)
		g.admin("DELETE", path, nil).want(http.StatusOK)
		shows("given up", page("/shows/"+show, "en"), false, all...)
		g.do(call{method: "GET", path: "/shows/" + show + "/pictures/" + hash}).want(http.StatusNotFound)
		g.admin("POST", path+"/publish", nil).problem(http.StatusNotFound, "not_found")
	})
}

func TestThemesThatAreRefused(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	show := g.show(shut)
	path := "/v1/admin/shows/" + show + "/theme"
	for body, field := range map[string]string{
		`{"name":"` + strings.Repeat("x", 41) + `"}`:          "name",
		`{"texts":{"en":"` + strings.Repeat("é", 501) + `"}}`: "texts.en",
		`{"texts":{"fr":"Bonjour"}}`:                          "texts",
		`{"accent":{"light":"#ffd400","dark":"#ffd400"}}`:     "accent.light",
		`{"accent":{"light":"#8a1c4a","dark":"#8a1c4a"}}`:     "accent.dark",
		`{"accent":{"light":"url(x)","dark":"#ff9dc4"}}`:      "accent.light",
		`{"picture":"` + strings.Repeat("0", 64) + `"}`:       "picture",
		`{"picture":"../../v1/wallet"}`:                       "picture",
		`{"style":"body{display:none}"}`:                      "style",
	} {
		r := g.do(call{method: "PUT", path: path, raw: body, bearer: testAdmin, bad: true}).problem(http.StatusUnprocessableEntity, "invalid")
		if errs := r.json()["errors"].([]any); errs[0].(map[string]any)["field"] != field {
			t.Errorf("%s: %v, want %s", body, errs, field)
		}
	}
	g.admin("PUT", path, map[string]any{"name": strings.Repeat("x", 40), "texts": map[string]any{"en": strings.Repeat("é", 500)}}).want(http.StatusOK)
	g.do(call{method: "PUT", path: path, body: map[string]any{}, bearer: "nobody"}).problem(http.StatusUnauthorized, "admin_required")

	noise := image.NewGray(image.Rect(0, 0, 300, 300))
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(noise.Pix)
	var large, small, photo bytes.Buffer
	must(t, png.Encode(&large, noise))
	must(t, png.Encode(&small, noise.SubImage(image.Rect(0, 0, 240, 240))))
	must(t, jpeg.Encode(&photo, noise.SubImage(image.Rect(0, 0, 64, 64)), nil))
	g.putPicture(show, "image/png", large.Bytes()).problem(http.StatusRequestEntityTooLarge, "too_large")
	g.putPicture(show, "image/png", append(small.Bytes(), make([]byte, 60_000-small.Len())...)).want(http.StatusOK) // at the bound
	g.putPicture(show, "image/png", append(small.Bytes(), make([]byte, 60_001-small.Len())...)).problem(http.StatusRequestEntityTooLarge, "too_large")
	g.putPicture(show, "image/png", photo.Bytes()).want(http.StatusOK) // whatever it says to be
	g.putPicture(show, "image/jpeg", photo.Bytes()).want(http.StatusOK)
	g.putPicture(show, "image/png", picture(t, 2400, 4)).want(http.StatusOK)
	g.do(call{method: "PUT", path: path + "/picture", bearer: testAdmin, bad: true, header: map[string]string{"Content-Type": "image/png"}}).problem(http.StatusUnprocessableEntity, "invalid")
	for what, body := range map[string][]byte{
		"HTML":        []byte("<script>alert(1)</script>"),
		"SVG":         []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		"half of one": small.Bytes()[:small.Len()/2],
		"too wide":    picture(t, 2401, 4),
		"too high":    picture(t, 4, 2401),
	} {
		if r := g.putPicture(show, "image/png", body); r.status != http.StatusUnprocessableEntity || r.text("code") != "invalid" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
}

// What a theme says is text in a browser, its picture and colours are seen, and the policy of the
// page lets through no more.
func themed(t *testing.T, b chromium, g *testGateway) {
	const evil = `<img src=x onerror="document.title='owned'"></style><b>Doors`
	show := g.show(shut)
	path := "/v1/admin/shows/" + show + "/theme"
	hash := g.putPicture(show, "image/png", picture(t, 160, 90)).want(http.StatusOK).text("picture")
	preview := g.admin("PUT", path, map[string]any{
		"name": evil[:40], "accent": map[string]any{"light": "#8a1c4a", "dark": "#ff9dc4"}, "picture": hash, "texts": map[string]any{"en": evil},
	}).want(http.StatusOK).text("preview")
	p := b.visitor(t, g).opens(preview).sees("#preview", "A preview").sees("#position", "1,235").sees(".about", evil)
	p.accessible("a preview")
	p.opens(preview+"&state=admitted").sees("#admitted", "It is your turn").accessible("a preview of one's turn")
	g.admin("POST", path+"/publish", nil).want(http.StatusOK)
	p.opens("/shows/"+show).sees(".about", evil).clicks("#joins button").sees("#position", "1").sees(".brand", evil[:40])
	p.accessible("themed")
	p.becomes("document.querySelector('.picture').naturalWidth === 160", "the picture is not shown")
	p.becomes("getComputedStyle(document.querySelector('.eyebrow')).color === (matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(255, 157, 196)' : 'rgb(138, 28, 74)')", "the colour is another")
	if n := eval[int](p, "document.querySelectorAll('main b, main img:not(.picture), .top img').length"); n != 0 {
		t.Errorf("%d elements are made of text", n)
	}
}

// Seat map, till and tickets look as the waiting room does, with script and without.
func themedSale(t *testing.T, b chromium, g *testGateway) {
	show := g.show()
	path := "/v1/admin/shows/" + show + "/theme"
	hash := g.putPicture(show, "image/png", picture(t, 160, 90)).want(http.StatusOK).text("picture")
	g.admin("PUT", path, map[string]any{
		"name": "Moonlit", "accent": map[string]any{"light": "#8a1c4a", "dark": "#ff9dc4"}, "picture": hash,
	}).want(http.StatusOK)
	g.admin("POST", path+"/publish", nil).want(http.StatusOK)
	p := b.inside(t, g, show)
	looks := func(what string) {
		t.Helper()
		p.sees(".brand", "Moonlit").becomes("document.title.endsWith('Moonlit')", "%s has another title", what)
		p.becomes("document.querySelector('.thumb').naturalWidth === 160", "%s lacks the picture", what)
		p.becomes("['#8a1c4a', '#ff9dc4'].includes(getComputedStyle(document.documentElement).getPropertyValue('--accent'))", "%s has another colour", what)
		p.accessible(what)
		p.width(1280)
	}
	looks("the themed seat map")
	p.opens("/shows/"+show+"/seats?section=A").sees("#plain", "Section A")
	looks("the themed plain seats")
	p.clicks("#plain button[value=best]").sees("#lines", "seat")
	looks("the themed plain till")
	p.opens("/shows/"+show+"/checkout").sees("#lines", "seat")
	looks("the themed till")
	p.clicks("#way-wallet").clicks("#charge").clicks("#pay-button").sees("#receipt", "Paid")
	p.clicks("#receipt-tickets").sees(".ticket", "Seat")
	looks("the themed tickets")
}
