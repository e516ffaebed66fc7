package api

import (
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// messagesOf reads the texts of one language as they stand in its files.
func messagesOf(t *testing.T, lang string) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for _, prefix := range []string{"", "desk."} {
		raw, err := web.ReadFile("web/messages/" + prefix + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

var placeholder = regexp.MustCompile(`\{\{\.\w+\}\}`)

// Each language has all texts, and each text says what it is about in all languages.
func TestEveryLanguageHasEveryText(t *testing.T) {
	t.Parallel()
	english := messagesOf(t, "en")
	filled := func(raw json.RawMessage) []string {
		found := placeholder.FindAllString(string(raw), -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for _, tag := range languages[1:] {
		other := messagesOf(t, tag.String())
		for key, raw := range english {
			if _, ok := other[key]; !ok {
				t.Errorf("%s lacks %s", tag, key)
			} else if got, want := filled(other[key]), filled(raw); !slices.Equal(got, want) {
				t.Errorf("%s fills %v into %s, English %v", tag, got, key, want)
			}
		}
		if len(other) != len(english) {
			t.Errorf("%s has %d texts, English %d", tag, len(other), len(english))
		}
	}
}

var textUse = regexp.MustCompile(`(?:\btext\(|\bText )"([a-z_.]+[a-z_])"`)

// Every text that a page or a script names is there.
func TestEveryTextThatIsNamedIsThere(t *testing.T) {
	t.Parallel()
	there, n := messagesOf(t, "en"), 0
	err := fs.WalkDir(web, "web", func(name string, _ fs.DirEntry, err error) error {
		if ext := path.Ext(name); err != nil || ext != ".js" && ext != ".html" {
			return err
		}
		source, err := web.ReadFile(name)
		for _, use := range textUse.FindAllStringSubmatch(string(source), -1) {
			n++
			if _, ok := there[use[1]]; !ok {
				t.Errorf("%s names %q, which is nowhere", name, use[1])
			}
		}
		return err
	})
	if err != nil || n < 50 {
		t.Errorf("looked at %d texts: %v", n, err)
	}
}

func (a *API) ask(t *testing.T, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	handler, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

var htmlLang = regexp.MustCompile(`<html lang="([a-z]+)"`)

func TestAPageComesInTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for _, c := range []struct{ path, cookie, prefers, want string }{
		{"/", "", "", "en"},
		{"/", "", "fr", "en"},
		{"/", "", "ko-KR,ko;q=0.9,en;q=0.8", "ko"},
		{"/", "", "fr, ja;q=0.5", "ja"},
		{"/", "", ";;;q=x", "en"},
		{"/", "ja", "ko", "ja"},
		{"/", "xx", "ko", "ko"},
		{"/?lang=ko", "ja", "en", "ko"},
		{"/?lang=xx", "ja", "en", "ja"},
	} {
		answer := a.ask(t, c.path, map[string]string{"Accept-Language": c.prefers, "Cookie": langCookie + "=" + c.cookie})
		if got := htmlLang.FindStringSubmatch(answer.Body.String()); got == nil || got[1] != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
		if kept := strings.Contains(answer.Header().Get("Set-Cookie"), langCookie+"="); kept != (c.path == "/?lang=ko") {
			t.Errorf("%+v: cookie %q", c, answer.Header().Get("Set-Cookie"))
		}
	}
}

// No page has a script of its own in it, nor a style beside the one that all have: the policy would refuse it.
func TestPagesKeepToTheirPolicy(t *testing.T) {
	t.Parallel()
	answer := newAPI(t).ask(t, "/", nil)
	policy := answer.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
		if got := answer.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	inline := regexp.MustCompile(`<script>|<script type="module">|<style|\sstyle=|\son[a-z]+=|http-equiv`)
	for name := range pages() {
		raw, err := web.ReadFile("web/pages/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if found := inline.FindString(string(raw)); found != "" {
			t.Errorf("%s has %q", name, found)
		}
	}
}

func TestAssetsAreKeptByTheirVersion(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	_, version := assets()
	for _, c := range []struct {
		path, cache string
		status      int
	}{
		{"/assets/ui.js", "no-cache", 200},
		{"/assets/" + version + "/ui.js", "public, max-age=31536000, immutable", 200},
		{"/assets/" + version + "/messages/ko.json", "public, max-age=31536000, immutable", 200},
		{"/assets/000000000000/ui.js", "no-cache", 200},
		{"/assets/" + version + "/none.js", "no-store, private", 404},
		{"/assets/pages/waiting.html", "no-store, private", 404},
		{"/assets/../assets.go", "no-store, private", 404},
	} {
		answer := a.ask(t, c.path, map[string]string{"Accept-Encoding": "gzip"})
		if answer.Code != c.status || answer.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q", c.path, answer.Code, answer.Header().Get("Cache-Control"))
		}
		if c.status != 200 {
			continue
		}
		if answer.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not compressed", c.path)
		}
		again := a.ask(t, c.path, map[string]string{"If-None-Match": answer.Header().Get("ETag")})
		if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: %d, %d bytes", c.path, again.Code, again.Body.Len())
		}
	}
}

// The waiting room with all that it loads is at most 40 KB on the way.
func TestTheWaitingRoomIsSmall(t *testing.T) {
	t.Parallel()
	all, _ := assets()
	shell, err := web.ReadFile("web/pages/waiting.html")
	if err != nil {
		t.Fatal(err)
	}
	size := len(shell) + len(ground().deflated) + len(own()["waiting.html"].deflated) + 4096 // the layout, and what is filled in
	for _, name := range []string{"waiting.js", "ui.js", "board.js", "alert.js", "line.js", "tabs.js", "proof.js", "drawcheck.js"} {
		if all[name].zipped == nil {
			t.Fatalf("no %s", name)
		}
		size += len(all[name].zipped)
	}
	largest := 0
	for name := range maps.Keys(all) {
		if strings.HasPrefix(name, "messages/") && !strings.HasPrefix(name, "messages/desk.") {
			largest = max(largest, len(all[name].zipped))
		}
	}
	if size += largest; size > 40<<10 {
		t.Errorf("%d bytes", size)
	}
	t.Logf("%d bytes", size)
}
