package main

import (
	"bufio"
	"encoding/json"
	"fmt"

	"frontrow/internal/hall"
)

// showFile is what a show file says before its sections.
type showFile struct {
	id, title, venue, phase           string
	holdSeconds, maxSeats, maxWaiting int
	admission                         admission
}

// admission is the rule by which the show lets people in.
type admission struct {
	admit, interval, maxActive                   int
	claim, session, sessionMax, absence, returns int
}

// writeTo writes the file as YAML, one line a row of seats: 15,000 seats take
// 0.8 MB so, and a person can still read and change them. Errors show
// when w is flushed.
func (s showFile) writeTo(w *bufio.Writer, sections []hall.Section) {
	a := s.admission
	_, _ = fmt.Fprintf(w, "show: %s\ntitle: %s\nvenue: %s\n", quote(s.id), quote(s.title), quote(s.venue))
	_, _ = fmt.Fprintf(w, "currency: KRW\nphase: %s\n", quote(s.phase))
	_, _ = fmt.Fprintf(w, "hold_seconds: %d\nmax_seats: %d\nmax_waiting: %d\n", s.holdSeconds, s.maxSeats, s.maxWaiting)
	_, _ = fmt.Fprintf(w, "admission: {admit: %d, interval_ms: %d, max_active: %d, claim_seconds: %d, session_seconds: %d,\n"+
		"  session_max_seconds: %d, absence_seconds: %d, return_seconds: %d, paused: false}\n",
		a.admit, a.interval, a.maxActive, a.claim, a.session, a.sessionMax, a.absence, a.returns)
	_, _ = fmt.Fprintln(w, "sections:")
	for _, section := range sections {
		writeSection(w, section)
	}
}

func writeSection(w *bufio.Writer, section hall.Section) {
	_, _ = fmt.Fprintf(w, "  - section: %s\n    name: %s\n    price: %d\n    rows:\n",
		quote(section.Section), quote(section.Name), section.Price)
	for _, row := range section.Rows {
		_, _ = fmt.Fprintf(w, "      - {row: %s, seats: [", quote(row.Row))
		for i, seat := range row.Seats {
			if i > 0 {
				_, _ = w.WriteString(", ")
			}
			_, _ = fmt.Fprintf(w, "{seat: %s, number: %s, x: %.1f, y: %.1f}", quote(seat.Seat), quote(seat.Number), seat.X, seat.Y)
		}
		_, _ = w.WriteString("]}\n")
	}
}

// quote writes text in double quotes as JSON does, which YAML reads: numbers and
// words such as "no" stay text.
func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string always can be
	return string(quoted)
}
