package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// pinMoment is how long an admission is pinned while seats are being held or paid
// for: longer than either may take. What it added is given back when the request is
// refused.
const pinMoment = 15 * time.Second

// holdJSON is a hold; pass and its end come with a new one.
type holdJSON struct {
	Hold          string     `json:"hold"`
	Show          string     `json:"show"`
	Seats         []string   `json:"seats"`
	Amount        int64      `json:"amount"`
	Currency      string     `json:"currency"`
	State         string     `json:"state"`
	CreatedAt     time.Time  `json:"created_at"`
	ExpiresAt     time.Time  `json:"expires_at"`
	Pass          string     `json:"pass,omitempty"`
	PassExpiresAt *time.Time `json:"pass_expires_at,omitempty"`
}

func newHoldJSON(h booking.Hold) holdJSON {
	return holdJSON{
		Hold: h.ID, Show: h.Show, Seats: h.Seats, Amount: h.Amount, Currency: h.Currency, State: h.State,
		CreatedAt: *timeOf(&h.CreatedAt), ExpiresAt: *timeOf(&h.ExpiresAt),
	}
}

// wishJSON is the seats that somebody wants: these, or the best.
type wishJSON struct {
	Seats   []string `json:"seats"`
	Best    *int     `json:"best"`
	Section *string  `json:"section"`
}

// holdSeats has seats held for who has a pass.
func (a *API) holdSeats(c *gin.Context) {
	show, err := a.public(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	pass, err := a.insider(c, show.ID)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.hold(c, http.StatusCreated, pass, a.Store.Hold)
}

// changeHold has other seats held instead of those of a hold.
func (a *API) changeHold(c *gin.Context) {
	who, err := a.owner(c)
	var old booking.Hold
	if err == nil {
		old, err = a.Store.FindHold(c.Request.Context(), who.visitor, c.Param("hold"))
	}
	var pass queue.Pass
	if err == nil {
		pass, err = a.insider(c, old.Show)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.hold(c, http.StatusOK, pass, a.changing(old.ID))
}

// changing holds other seats instead of those of a hold.
func (a *API) changing(old string) func(context.Context, booking.HoldRequest) (booking.Hold, error) {
	return func(ctx context.Context, r booking.HoldRequest) (booking.Hold, error) {
		return a.Store.Change(ctx, old, r)
	}
}

// hold reads which seats are wanted, and answers with the hold of them.
func (a *API) hold(c *gin.Context, status int, pass queue.Pass, hold func(context.Context, booking.HoldRequest) (booking.Hold, error)) {
	var body wishJSON
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	room, show, err := a.roomOf(pass.Show)
	if err != nil {
		a.fail(c, err)
		return
	}
	held, until, err := a.take(c, room, pass, booking.HoldRequest{Show: show, Seats: body.Seats, Best: body.Best, Section: body.Section}, hold)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer := newHoldJSON(held)
	var expires time.Time
	if answer.Pass, expires, err = a.pass(c, pass, until); err != nil {
		a.fail(c, err)
		return
	}
	answer.PassExpiresAt = &expires
	private(c)
	c.JSON(status, answer)
}

// take has the seats of a request held, with the admission pinned for it: for a moment
// at first, then until the hold's end. It also returns when the admission ends.
func (a *API) take(c *gin.Context, room *queue.Room, pass queue.Pass, wish booking.HoldRequest, hold func(context.Context, booking.HoldRequest) (booking.Hold, error)) (booking.Hold, time.Time, error) {
	wish.Trace = enterFlow(c)
	ctx := c.Request.Context()
	pin, err := room.PinFor(ctx, pass, pinMoment)
	if err != nil {
		return booking.Hold{}, time.Time{}, err
	}
	wish.Visitor, wish.Number, wish.Latest = pass.Visitor, pass.Number, pin.Max
	held, err := hold(ctx, wish)
	if err != nil {
		a.giveBack(c, room, pass, pin)
		return booking.Hold{}, time.Time{}, err
	}
	until := time.UnixMicro(pin.Before)
	if pin, err := room.PinUntil(ctx, pass.Visitor, pass.Number, held.ExpiresAt); err != nil {
		// The seats are theirs all the same, and the queue learns of the hold when it recovers.
		a.logOf(c).Warn("admission not pinned until the hold's end", "hold", held.ID, "error", err)
	} else {
		until = time.UnixMicro(pin.Until)
	}
	return held, until, nil
}

// giveBack takes back the moment that a refused request was pinned for, lest one
// who asks in vain again and again stays inside for it.
func (a *API) giveBack(c *gin.Context, room *queue.Room, pass queue.Pass, pin queue.Pin) {
	if err := room.GiveBack(c.Request.Context(), pass, pin); err != nil {
		a.logOf(c).Warn("admission stays pinned for a moment", "error", err)
	}
}

func (a *API) listHolds(c *gin.Context) {
	who, err := a.owner(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	holds, err := a.Store.HoldsOf(c.Request.Context(), who.visitor)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer := make([]holdJSON, len(holds))
	for i, h := range holds {
		answer[i] = newHoldJSON(h)
	}
	private(c)
	c.JSON(http.StatusOK, gin.H{"holds": answer})
}

func (a *API) getHold(c *gin.Context) {
	who, err := a.owner(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	hold, err := a.Store.FindHold(c.Request.Context(), who.visitor, c.Param("hold"))
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, newHoldJSON(hold))
}

// releaseHold gives the seats back, and with them the session's deadline.
func (a *API) releaseHold(c *gin.Context) {
	who, err := a.owner(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	if err := a.release(c, who.visitor, c.Param("hold")); err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.Status(http.StatusNoContent)
}

func (a *API) release(c *gin.Context, visitor, id string) error {
	ctx := c.Request.Context()
	hold, err := a.Store.FindHold(ctx, visitor, id)
	if err != nil {
		return err
	}
	until, err := a.Store.Release(ctx, visitor, hold.ID)
	if err != nil {
		return err
	}
	if room, err := a.Queue.Room(hold.Show); err == nil && hold.State == booking.HoldHeld {
		if err := room.Unpin(ctx, visitor, hold.Number, until); err != nil {
			a.logOf(c).Warn("admission stays pinned after a release", "hold", hold.ID, "error", err)
		}
	}
	return nil
}
