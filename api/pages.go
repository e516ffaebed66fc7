package api

import (
	"bytes"
	"html/template"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// pages are the templates of web/pages by name, each within layout.html.
var pages = sync.OnceValue(func() map[string]*template.Template {
	layout := template.Must(template.ParseFS(web, "web/pages/layout.html"))
	names, err := web.ReadDir("web/pages")
	if err != nil {
		panic(err) // it is part of this program
	}
	all := map[string]*template.Template{}
	for _, entry := range names {
		if name := entry.Name(); name != "layout.html" {
			all[name] = template.Must(template.Must(layout.Clone()).ParseFS(web, path.Join("web/pages", name)))
		}
	}
	return all
})

// shell is what every page has: its language, the address of its assets, its looks, and what
// its own template shows.
type shell struct {
	tongue
	Assets string
	Brand  string // stands on top
	Style  template.CSS
	Path   string // of this page, for the links to its other languages: ends with ? or &
	Page   any
}

// Time writes a time for who has no script; with one, the page writes it as the visitor's
// clock has it.
func (s shell) Time(t *time.Time) template.HTML {
	text := t.UTC().Format(time.RFC3339)
	return template.HTML(`<time data-local datetime="` + text + `">` + t.UTC().Format("2006-01-02 15:04 UTC") + `</time>`) //nolint:gosec // a time alone
}

// html answers with a page of web/pages in the visitor's language. `page` is what its
// template calls .Page.
func (a *API) html(c *gin.Context, status int, name string, page any) {
	a.htmlFor(c, status, name, page, "'none'")
}

// htmlFor is html for a page that these may frame.
func (a *API) htmlFor(c *gin.Context, status int, name string, page any, ancestors string) {
	_, version := assets()
	var body bytes.Buffer
	theme := themeOf(page)
	s := shell{tongue: a.tongue(c), Assets: "/assets/" + version, Brand: theme.brand(), Style: styleOf(name, theme), Path: pathOf(c.Request), Page: page}
	if err := pages()[name].ExecuteTemplate(&body, "layout.html", s); err != nil {
		a.fail(c, err)
		return
	}
	guard(c, s.Style, ancestors)
	c.Header("Content-Language", s.Lang)
	c.Header("Vary", "Accept-Encoding, Accept-Language, Cookie")
	sent := body.Bytes()
	if takesGzip(c) {
		c.Header("Content-Encoding", "gzip")
		sent = zipPage(sent, ground(), own()[name])
	}
	c.Data(status, "text/html; charset=utf-8", sent)
}

// pathOf is the path and query of a page, but for its language.
func pathOf(r *http.Request) string {
	if r.Method != http.MethodGet {
		return "/?" // what a form was sent to is no page
	}
	query := r.URL.Query()
	query.Del("lang")
	if len(query) == 0 {
		return r.URL.Path + "?"
	}
	return r.URL.Path + "?" + query.Encode() + "&"
}

// guard sets what every page says to browsers: scripts and answers come from here alone, its
// one style is this, only these may frame it ('none': nobody), and nobody between keeps it.
func guard(c *gin.Context, style template.CSS, ancestors string) {
	c.Header("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src "+sourceOf(style)+"; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "+ancestors)
	c.Header("X-Content-Type-Options", "nosniff")
	c.Header("Referrer-Policy", "same-origin")
	c.Header("Cache-Control", "private, no-cache")
}
