package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// showJSON is a show as visitors may know it.
type showJSON struct {
	Show          string        `json:"show"`
	Title         string        `json:"title"`
	Venue         string        `json:"venue"`
	Currency      string        `json:"currency"`
	Phase         string        `json:"phase"`
	PlaysAt       *time.Time    `json:"plays_at,omitempty"`
	CancelUntil   *time.Time    `json:"cancel_until,omitempty"`
	Payments      []string      `json:"payment_methods"`
	StartsAt      *time.Time    `json:"starts_at,omitempty"`
	EndsAt        *time.Time    `json:"ends_at,omitempty"`
	Draw          *drawPlanJSON `json:"draw,omitempty"`
	MaxSeats      int           `json:"max_seats"`
	HoldSeconds   int           `json:"hold_seconds"`
	LayoutVersion int           `json:"layout_version"`
	Prices        []priceJSON   `json:"prices"`
	Seats         *seatsJSON    `json:"seats,omitempty"`
	Demo          *demoJSON     `json:"demo,omitempty"`
}

// demoJSON says what may be made believe, where it may.
type demoJSON struct {
	Charges bool     `json:"charges"`
	Cards   []string `json:"cards"`
}

type priceJSON struct {
	Section string `json:"section"`
	Name    string `json:"name"`
	Price   int64  `json:"price"`
}

type seatsJSON struct {
	Free int `json:"free"`
	Held int `json:"held"`
	Sold int `json:"sold"`
}

func (a *API) showJSON(c *gin.Context, show booking.Show) (showJSON, error) {
	layout, err := a.Store.Layout(c.Request.Context(), show)
	if err != nil {
		return showJSON{}, err
	}
	s := showJSON{
		Show: show.ID, Title: show.Title, Venue: show.Venue, Currency: show.Currency, Phase: show.Phase,
		PlaysAt: timeOf(show.PlaysAt), CancelUntil: timeOf(show.CancelUntil), Payments: a.methods(), StartsAt: timeOf(show.StartsAt), EndsAt: timeOf(show.EndsAt),
		Draw: drawPlan(show), MaxSeats: show.MaxSeats, HoldSeconds: show.HoldSeconds, LayoutVersion: show.LayoutVersion,
		Prices: make([]priceJSON, len(layout.Sections)),
		Seats:  a.seatsJSON(c, show),
	}
	if a.DemoCharges || len(a.DemoCards) > 0 {
		s.Demo = &demoJSON{Charges: a.DemoCharges, Cards: append([]string{}, a.DemoCards...)}
	}
	for i, section := range layout.Sections {
		s.Prices[i] = priceJSON{section.Section, section.Name, section.Price}
	}
	return s, nil
}

// seatsJSON counts the seats, or is nil while the door does not tell.
func (a *API) seatsJSON(c *gin.Context, show booking.Show) *seatsJSON {
	if show.Phase == booking.PhaseDraft {
		return nil
	}
	states, err := a.Store.SeatStates(c.Request.Context(), show)
	if err != nil {
		return nil
	}
	free, held, sold := states.Count()
	return &seatsJSON{Free: free, Held: held, Sold: sold}
}

func (a *API) listShows(c *gin.Context) {
	shows := []showJSON{}
	for _, show := range a.Catalogue.All() {
		if show.Phase == booking.PhaseDraft {
			continue
		}
		s, err := a.showJSON(c, show)
		if err != nil {
			a.fail(c, err)
			return
		}
		shows = append(shows, s)
	}
	c.JSON(http.StatusOK, gin.H{"shows": shows})
}

// public finds a show that visitors may know of.
func (a *API) public(c *gin.Context) (booking.Show, error) { return a.publicShow(c.Param("show")) }

func (a *API) publicShow(id string) (booking.Show, error) {
	show, ok := a.Catalogue.Lookup(id)
	if !ok || show.Phase == booking.PhaseDraft {
		return show, showNotFound
	}
	return show, nil
}

func (a *API) getShow(c *gin.Context) {
	show, err := a.public(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	s, err := a.showJSON(c, show)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, s)
}

func (a *API) getLayout(c *gin.Context) {
	show, err := a.public(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	version := strconv.Itoa(show.LayoutVersion)
	asked, named := c.GetQuery("v")
	if _, err := strconv.ParseUint(asked, 10, 31); named && err != nil {
		a.fail(c, invalidField("v", "must be a layout's version"))
		return
	}
	if named && asked != version {
		a.fail(c, notFound.because("This layout is of another version: the show has "+version+"."))
		return
	}
	layout, err := a.Store.Layout(c.Request.Context(), show)
	if err != nil {
		a.fail(c, err)
		return
	}
	if named {
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		c.Header("Cache-Control", "public, max-age=10")
	}
	a.sendZipped(c, "layout "+show.ID, `"`+show.ID+"."+version+`"`, zipWell, func() []byte { return layout.JSON })
}

func (a *API) getSeatStates(c *gin.Context) {
	show, err := a.public(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	states, err := a.Store.SeatStates(c.Request.Context(), show)
	if err != nil {
		a.fail(c, err)
		return
	}
	etag := fmt.Sprintf(`"%s.%d.%d"`, show.ID, states.LayoutVersion, states.Version)
	c.Header("Cache-Control", "public, max-age=1")
	a.sendZipped(c, "states "+show.ID, etag, zipQuickly, func() []byte {
		return fmt.Appendf(nil, `{"layout_version":%d,"version":%d,"states":"%s"}`, states.LayoutVersion, states.Version, states.States)
	})
}

// timeOf turns microseconds into a time, and nothing into nothing.
func timeOf(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := time.UnixMicro(*us).UTC()
	return &t
}
