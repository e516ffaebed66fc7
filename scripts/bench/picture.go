package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Measures of the picture, in pixels.
const (
	pictureWidth = 880
	rowHeight    = 24
	barLeft      = 366
	barHeight    = 12
	targetAt     = 150 // a bar as long as its target
	barLongest   = 230 // longer ones are cut
	valueLeft    = barLeft + barLongest + 14
)

// pictureStyle brings a ground of its own, so that it reads on any page.
const pictureStyle = `<style>
text{font:13px ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}.group{font-weight:600}.small{font-size:11px;fill:#59636e}.end{text-anchor:end}
.ground{fill:#fff;stroke:#d1d9e0}.target{stroke:#59636e;stroke-width:1.5}.spread{stroke:#1f2328;stroke-width:1.5}
.met{fill:#4ac26b}.uncertain{fill:#d4a72c}.missed{fill:#ff8182}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.ground{fill:#161b22;stroke:#3d444d}
.target{stroke:#9198a1}.spread{stroke:#e6edf3}.met{fill:#238636}.uncertain{fill:#9e6a03}.missed{fill:#da3633}}
</style>
`

// picture draws the judged rows as SVG: a bar each, as long as the value is of its
// target, which is the same line for all.
func (t *table) picture() []byte {
	var body bytes.Buffer
	y := 30
	text := func(x int, class, s string) {
		fmt.Fprintf(&body, "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, escaped(s))
	}
	text(16, "title", "Frontrow against its budget, make bench, "+t.Form+" form")
	y += 19
	m := t.Machine
	text(16, "small", fmt.Sprintf("%s, %d cores; %s, Redis %s, %s; commit %s", m.CPU, m.Cores, m.Go, m.Redis, databaseName(m.Database), m.Commit))
	for _, group := range []struct {
		title   string
		atLeast bool
	}{{"At least its target: the bar reaches the line", true}, {"At most its target: the bar stays within the line", false}} {
		y += 34
		text(16, "group", group.title)
		for _, r := range t.Rows {
			if r.Target == nil || r.Target.AtLeast != group.atLeast {
				continue
			}
			y += rowHeight
			text(barLeft-12, "end", r.What)
			drawBar(&body, r, y-barHeight+1)
			text(valueLeft, "", r.value())
			text(valueLeft+84, "small", r.Target.String()+"  "+strings.TrimSpace(r.Verdict+" "+shortNote(r)))
		}
	}
	y += 18
	var all bytes.Buffer
	fmt.Fprintf(&all, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"Benchmark: each row against its target\">\n",
		pictureWidth, y, pictureWidth, y)
	all.WriteString(pictureStyle)
	fmt.Fprintf(&all, "<rect class=\"ground\" x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", pictureWidth-1, y-1)
	all.Write(body.Bytes())
	all.WriteString("</svg>\n")
	return all.Bytes()
}

func drawBar(to *bytes.Buffer, r row, top int) {
	if length := barOf(r.Value, r.Target.Value); length > 0 && len(r.Rounds) > 0 {
		fmt.Fprintf(to, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n", r.Verdict, barLeft, top, length, barHeight)
	}
	if r.Spread > 0 {
		from, until := barOf(r.Value-r.Spread, r.Target.Value), barOf(r.Value+r.Spread, r.Target.Value)
		fmt.Fprintf(to, "<path class=\"spread\" d=\"M%.1f %dh%.1f\"/>\n", barLeft+from, top+barHeight/2, until-from)
	}
	fmt.Fprintf(to, "<path class=\"target\" d=\"M%d %dv%d\"/>\n", barLeft+targetAt, top-3, barHeight+6)
}

// barOf is how long a value's bar is. A target of none is missed by whatever there is.
func barOf(value, target float64) float64 {
	switch {
	case value <= 0:
		return 0
	case target <= 0:
		return barLongest
	default:
		return min(value/target*targetAt, barLongest)
	}
}

// shortNote says why there is no value; other notes are for the table.
func shortNote(r row) string {
	if len(r.Rounds) > 0 {
		return ""
	}
	return "(" + r.Note + ")"
}

// databaseName leaves out what a distribution adds to a version.
func databaseName(version string) string {
	number, rest, _ := strings.Cut(version, "-")
	if strings.Contains(rest, "MariaDB") {
		return "MariaDB " + number
	}
	return "MySQL " + number
}

func escaped(s string) string {
	var b bytes.Buffer
	if !utf8.ValidString(s) || xml.EscapeText(&b, []byte(s)) != nil {
		return ""
	}
	return b.String()
}
