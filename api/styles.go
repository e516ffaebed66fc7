package api

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"sync"
)

// sheets are the stylesheets of each page beside frontrow.css, which is that of all.
var sheets = map[string][]string{
	"waiting.html": {"waiting.css"}, "widget.html": {"widget.css"},
	"seats.html": {"seats.css"}, "checkout.html": {"seats.css"}, "till.html": {"seats.css"}, "ticket.html": {"seats.css"},
	"timeline.html": {"timeline.css"},
	"signin.html":   {"desk.css"}, "desk.html": {"desk.css"}, "deskshow.html": {"seats.css", "desk.css"},
}

// What stylesheets have for who reads them.
var (
	comment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	indent  = regexp.MustCompile(`\s*\n\s*`)
)

// ground is frontrow.css, and own what a page has beside it, as they stand in pages.
var (
	ground = sync.OnceValue(func() squeezed { return squeeze(sheet("frontrow.css")) })
	own    = sync.OnceValue(func() map[string]squeezed {
		all := map[string]squeezed{}
		for page := range pages() {
			var text string
			for _, name := range sheets[page] {
				text += sheet(name)
			}
			all[page] = squeeze(text)
		}
		return all
	})
)

func sheet(name string) string {
	raw, err := web.ReadFile("web/" + name)
	if err != nil {
		panic(err) // it is part of this program
	}
	return strings.TrimSpace(indent.ReplaceAllString(comment.ReplaceAllString(string(raw), ""), "\n")) + "\n"
}

// styleOf is all the style of a page, which stands in it, so that nothing else must come before
// something can be seen: in a theme's colours, or without (nil). What a page prints in is its own.
func styleOf(page string, t *theme) template.CSS {
	return template.CSS(ground().plain + t.colours() + own()[page].plain) //nolint:gosec // our own files, and colours alone
}

// sourceOf is a style as the policy of a page allows it.
func sourceOf(style template.CSS) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// colours is the style of a theme; "" where it has none.
func (t *theme) colours() string {
	if t == nil || t.Accent == nil {
		return ""
	}
	var rules strings.Builder
	rule := func(text string, grounds []colour) {
		if of, ok := readColour(text); ok { // as it was checked
			fmt.Fprintf(&rules, ":root{--accent:%s;--accent-soft:%s;--on-accent:%s}", of, of.soft(grounds[len(grounds)-1]), of.on())
		}
	}
	rule(t.Accent.Light, lightGrounds)
	rules.WriteString("@media (prefers-color-scheme:dark){")
	rule(t.Accent.Dark, darkGrounds)
	rules.WriteString("}\n")
	return rules.String()
}
