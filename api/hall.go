package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// hallPage is what pages/seats.html shows: the map, which its script draws, and the plain
// form for who has none.
type hallPage struct {
	showHead
	Plain    bool // the form alone: whoever has used it needs no map
	Trouble  string
	Form     string // proves a form of this page
	Stay     stay
	Counts   []int64
	Most     int64 // seats that one person may have
	Sections []hallSection
	Rows     []hallRow // of the section that was asked for
	Section  string    // its name
	Asked    string    // its id
	Standing bool      // people stand there: they say how many, and choose no places
}

// Modules are the scripts behind the first: named, they come side by side.
func (hallPage) Modules() []string {
	return []string{"ui", "inside", "seatmap", "seatlist", "nextbest", "plan", "painter", "tiles"}
}

type hallSection struct {
	ID, Name, Price string
	Free            int64
	Asked           bool
}

type hallRow struct {
	Row   string
	Seats []hallSeat
}

type hallSeat struct {
	Seat, Number string
	Free, Chosen bool
}

// showHall serves the page on which visitors choose their seats; with ?section it lists
// those of one section.
func (a *API) showHall(c *gin.Context) {
	show, err := a.public(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	who, err := a.visitorOf(c, show.ID)
	if err != nil {
		a.failPage(c, err)
		return
	}
	a.hall(c, show, who, c.Query("section"), nil, nil)
}

// hall answers with the page. It says what went wrong before, and what was chosen then.
func (a *API) hall(c *gin.Context, show booking.Show, who asker, section string, chosen []string, trouble error) {
	t := a.tongue(c)
	page := hallPage{showHead: headOf(show), Plain: section != "" || trouble != nil, Trouble: t.Trouble(trouble), Form: a.Keys.Form(who.visitor), Stay: a.stayOf(c, show.ID, who), Most: int64(show.MaxSeats)}
	layout, err := a.Store.Layout(c.Request.Context(), show)
	if err != nil {
		a.failPage(c, err)
		return
	}
	states, err := a.Store.SeatStates(c.Request.Context(), show)
	if err != nil || states.LayoutVersion != layout.Version {
		states.States = strings.Repeat("f", layout.Len()) // the hold will tell
	}
	told := []byte(states.States)
	for _, seat := range takenOf(trouble) { // newer than the states may be
		if i, ok := layout.Ordinal(seat); ok && told[i] == 'f' {
			told[i] = 'h'
		}
	}
	for n := range page.Most {
		page.Counts = append(page.Counts, n+1)
	}
	page.fill(t, layout, told, section, chosen)
	a.html(c, statusOf(trouble), "seats.html", page)
}

func (p *hallPage) fill(t tongue, layout *booking.Layout, states []byte, asked string, chosen []string) {
	i := 0
	for _, section := range layout.Sections {
		told := hallSection{ID: section.Section, Name: section.Name, Price: t.Money(section.Price, layout.Currency)}
		rows := make([]hallRow, len(section.Rows))
		for r, row := range section.Rows {
			rows[r].Row = row.Row
			for _, seat := range row.Seats {
				free := states[i] == 'f'
				if i++; free {
					told.Free++
				}
				if section.Section == asked {
					rows[r].Seats = append(rows[r].Seats, hallSeat{seat.Seat, seat.Number, free, free && slices.Contains(chosen, seat.Seat)})
				}
			}
		}
		told.Asked = section.Section == asked
		p.Sections = append(p.Sections, told)
		if told.Asked {
			p.Asked, p.Section, p.Standing = asked, section.Name, section.Standing > 0
			if !p.Standing {
				p.Rows = rows
			}
		}
	}
}

// chooseByForm holds what the form of the page asks for, instead of what is held, and
// leads on to paying; or gives more time to choose, and leads back.
func (a *API) chooseByForm(c *gin.Context) {
	room, show, who, form, err := a.roomAndForm(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	if form.Get("do") == "prolong" {
		if err := a.prolongByForm(c, room, who); err != nil {
			a.hall(c, show, who, form.Get("from"), nil, err)
			return
		}
		private(c)
		c.Redirect(http.StatusSeeOther, hallPath(show))
		return
	}
	wish := booking.HoldRequest{Show: show, Seats: form["seat"]}
	if form.Get("do") == "best" {
		n, _ := strconv.Atoi(form.Get("count")) // what is no number is refused as 0
		wish.Best, wish.Seats = &n, nil
		if section := form.Get("section"); section != "" {
			wish.Section = &section
		}
	}
	pass, err := a.inside(c, room, who)
	var old *booking.Hold
	if err == nil {
		old, err = a.liveHold(c, who.visitor, show.ID)
	}
	if err == nil {
		hold := a.Store.Hold
		if old != nil {
			hold = a.changing(old.ID)
		}
		_, _, err = a.take(c, room, pass, wish, hold)
	}
	if err != nil {
		a.hall(c, show, who, form.Get("from"), form["seat"], err)
		return
	}
	private(c)
	c.Redirect(http.StatusSeeOther, tillPath(show, ""))
}

func hallPath(show booking.Show) string { return waitingPath(show) + "/seats" }

// tillPath is that of the plain till, of an order or ("") of what is held.
func tillPath(show booking.Show, order string) string {
	path := waitingPath(show) + "/checkout?plain"
	if order != "" {
		path += "&order=" + url.QueryEscape(order)
	}
	return path
}
