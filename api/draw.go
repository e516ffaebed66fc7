package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// drawPlanJSON says that a show opens by draw, and how.
type drawPlanJSON struct {
	LobbyAt *time.Time `json:"lobby_at,omitempty"`
	Beacon  string     `json:"beacon,omitempty"`
}

func drawPlan(show booking.Show) *drawPlanJSON {
	if show.Draw == nil {
		return nil
	}
	return &drawPlanJSON{LobbyAt: show.Draw.LobbyAt, Beacon: show.Draw.Beacon}
}

// drawJSON is a draw as far as it is public.
type drawJSON struct {
	Show         string     `json:"show"`
	State        string     `json:"state"`
	Algorithm    string     `json:"algorithm"`
	Commitment   string     `json:"commitment"`
	CommittedAt  time.Time  `json:"committed_at"`
	StartsAt     *time.Time `json:"starts_at,omitempty"`
	BeaconSource string     `json:"beacon_source,omitempty"`
	Beacon       string     `json:"beacon,omitempty"`
	LobbyCount   *int64     `json:"lobby_count,omitempty"`
	LobbyHash    string     `json:"lobby_hash,omitempty"`
	FrozenAt     *time.Time `json:"frozen_at,omitempty"`
	Seed         string     `json:"seed,omitempty"`
	DrawnAt      *time.Time `json:"drawn_at,omitempty"`
	FirstNumber  int64      `json:"first_number,omitempty"`
	List         string     `json:"list,omitempty"`
}

// publicDraw leaves out what would tell the order before it is settled: nothing of
// the seed goes out before the lobby is frozen and the beacon is in.
func publicDraw(show booking.Show, d queue.Draw) drawJSON {
	j := drawJSON{
		Show: show.ID, State: "committed", Algorithm: queue.DrawAlgorithm, Commitment: d.Commitment,
		CommittedAt: time.UnixMicro(d.CommittedAt).UTC(), StartsAt: timeOf(show.StartsAt), BeaconSource: d.BeaconSource,
	}
	if d.IsFrozen() {
		j.State, j.LobbyHash, j.LobbyCount, j.FrozenAt, j.Beacon = "frozen", d.LobbyHash, &d.LobbyCount, timeOf(&d.FrozenAt), d.Beacon
	}
	if d.IsDrawn() {
		j.State, j.Seed, j.DrawnAt, j.FirstNumber = "drawn", d.Seed, timeOf(&d.DrawnAt), d.First
		j.List = fmt.Sprintf("/v1/shows/%s/draw/list?from=0&count=%d", url.PathEscape(show.ID), mostListed)
	}
	return j
}

// draw finds the draw of the show in the path, as this gateway knows it: nobody's question
// costs the database one.
func (a *API) draw(c *gin.Context) (*queue.Room, booking.Show, queue.Draw, error) {
	show, err := a.public(c)
	if err == nil && show.Draw == nil {
		err = noDraw
	}
	if err != nil {
		return nil, show, queue.Draw{}, err
	}
	room, err := a.Queue.Room(show.ID)
	if err != nil {
		return nil, show, queue.Draw{}, unavailable
	}
	d, ok := room.Draw()
	if !ok {
		return nil, show, d, unavailable.because("The seed is about to be committed to.")
	}
	return room, show, d, nil
}

func (a *API) getDraw(c *gin.Context) {
	_, show, d, err := a.draw(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Cache-Control", "public, max-age=1")
	c.JSON(http.StatusOK, publicDraw(show, d))
}

// Bounds of one part of the list: a page of a browser, and 1.5 MB.
const (
	usuallyListed = 10_000
	mostListed    = 100_000
)

// listDrawn lists visitors in the order drawn, a line each: as text, since it is what
// sha256sum reads.
func (a *API) listDrawn(c *gin.Context) {
	room, _, d, err := a.draw(c)
	var from, count int
	if err == nil {
		from, err = queryNumber(c, "from", 0, 0, maxRank)
	}
	if err == nil {
		count, err = queryNumber(c, "count", usuallyListed, 1, mostListed)
	}
	if err == nil && !d.IsDrawn() {
		err = notFound.because("Nobody is drawn yet.")
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	visitors, ok := room.Drawn(from, count)
	if !ok {
		a.fail(c, unavailable.because("This gateway is about to know the order."))
		return
	}
	var text strings.Builder
	for _, visitor := range visitors {
		text.WriteString(visitor)
		text.WriteByte('\n')
	}
	c.Header("Cache-Control", "public, max-age=60")
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(text.String()))
}

// maxRank is beyond any lobby.
const maxRank = 100_000_000

// queryNumber reads a number of the query within bounds. Returns a problem.
func queryNumber(c *gin.Context, name string, usual, least, most int) (int, error) {
	text, given := c.GetQuery(name)
	if !given {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, invalidField(name, fmt.Sprintf("must be from %d to %d", least, most))
	}
	return n, nil
}

func (a *API) setBeacon(c *gin.Context) {
	var body struct {
		Value string `json:"value"`
	}
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	show, err := a.adminShow(c)
	var d booking.Draw
	if err == nil {
		d, err = a.Store.SetBeacon(c.Request.Context(), show.ID, body.Value)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, publicDraw(show, queue.Draw(d)))
}
