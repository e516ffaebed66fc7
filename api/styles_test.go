package api

import (
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

var (
	styles   = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	styleSrc = regexp.MustCompile(`style-src ([^;]*);`)
)

// The policy of every page allows the one style that stands in it, by its hash, and no other.
func TestThePolicyAllowsTheStyleOfThePage(t *testing.T) {
	t.Parallel()
	a, gone := newAPI(t), problemPage{Code: notFound.code}
	coloured := problemPage{showHead: showHead{Theme: &theme{Accent: &accent{"#8a1c4a", "#ff9dc4"}}}, Code: notFound.code}
	for _, page := range []problemPage{gone, coloured} {
		answer := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(answer)
		c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
		a.html(c, http.StatusNotFound, "problem.html", page)
		found := styles.FindAllStringSubmatch(answer.Body.String(), -1)
		if len(found) != 1 {
			t.Fatalf("%d styles", len(found))
		}
		sum := sha256.Sum256([]byte(found[0][1]))
		want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if got := styleSrc.FindStringSubmatch(answer.Header().Get("Content-Security-Policy")); got == nil || got[1] != want {
			t.Errorf("the policy allows %q, the page has %s", got, want)
		}
		if has := strings.Contains(found[0][1], ":root{--accent:#8a1c4a;"); has != (page.Theme != nil) {
			t.Errorf("in the theme's colours: %t", has)
		}
	}
}

// Every stylesheet stands in a page, and no page has one that would end its element.
func TestEveryStylesheetIsUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{"frontrow.css": true}
	for page, names := range sheets {
		if pages()[page] == nil {
			t.Errorf("there is no page %s", page)
		}
		for _, name := range names {
			used[name] = true
		}
	}
	names, err := fs.Glob(web, "web/*.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !used[path.Base(name)] {
			t.Errorf("no page has %s", name)
		}
		if said := sheet(path.Base(name)); strings.Contains(said, "<") || strings.Contains(said, "/*") || len(said) < 500 {
			t.Errorf("%s stands in pages as %s", name, said)
		}
	}
	if !slices.Contains(names, "web/waiting.css") {
		t.Errorf("there are %v", names)
	}
}

// On paper a ticket is black on white, whatever the theme.
func TestPrintComesAfterTheTheme(t *testing.T) {
	t.Parallel()
	style := string(styleOf("ticket.html", &theme{Accent: &accent{"#8a1c4a", "#ff9dc4"}}))
	themed, printed := strings.LastIndex(style, "--accent:#ff9dc4"), strings.Index(style, "--accent: #000")
	if plain := strings.LastIndex(style, "--accent: #b8a2ff"); plain < 0 || themed < plain || printed < themed {
		t.Errorf("the page's own accent at %d, the theme's at %d, that on paper at %d", plain, themed, printed)
	}
}
