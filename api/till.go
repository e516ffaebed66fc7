package api

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// tillPage is what pages/checkout.html shows, and pages/till.html, which needs no script.
type tillPage struct {
	showHead
	Trouble string
	Form    string // proves a form of this page
	Stay    stay
	Key     string // one for each time the page is made, so that two clicks are one attempt

	Hold    *booking.Hold
	Left    string // until the hold ends, as a clock
	Lines   []tillLine
	Total   string
	Balance string
	Missing string // in the wallet; "" for nothing
	Charges bool
	Cards   bool
	Known   []string // the cards of a provider that makes believe
	Order   *booking.Order
	Seats   string
	Cancels bool
	Earlier []tillOrder
}

type tillLine struct{ Name, Price string }

type tillOrder struct{ Order, Seats, Amount string }

// Told is when the order was paid, or made.
func (p tillPage) Told() *time.Time {
	if p.Order.PaidAt != nil {
		return timeOf(p.Order.PaidAt)
	}
	return timeOf(&p.Order.CreatedAt)
}

// showTill serves the page on which visitors pay: by script, or with ?plain without one.
func (a *API) showTill(c *gin.Context) {
	show, err := a.public(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	if _, plain := c.GetQuery("plain"); !plain {
		a.html(c, http.StatusOK, "checkout.html", tillPage{showHead: headOf(show)})
		return
	}
	who, err := a.visitorOf(c, show.ID)
	if err == nil && who.token == nil && who.pass == nil {
		err = a.unproven(c)
	}
	if err != nil {
		a.failPage(c, err)
		return
	}
	a.till(c, show, who, c.Query("order"), nil)
}

// till answers with the plain till: of an order, or ("") of what is held. It says what
// went wrong before.
func (a *API) till(c *gin.Context, show booking.Show, who asker, order string, trouble error) {
	t := a.tongue(c)
	page := tillPage{showHead: headOf(show), Form: a.Keys.Form(who.visitor), Key: rand.Text()}
	err := a.fillTill(c, t, show, who.visitor, order, &page)
	if err != nil {
		a.failPage(c, err)
		return
	}
	if trouble == nil && page.Order != nil && page.Order.State == booking.OrderIsDeclined {
		trouble = paymentDeclined
	}
	if page.Hold != nil {
		page.Stay = a.stayOf(c, show.ID, who)
	}
	page.Trouble = t.Trouble(trouble)
	a.html(c, statusOf(trouble), "till.html", page)
}

func (a *API) fillTill(c *gin.Context, t tongue, show booking.Show, visitor, order string, page *tillPage) error {
	ctx := c.Request.Context()
	layout, err := a.Store.Layout(ctx, show)
	if err != nil {
		return err
	}
	if order != "" {
		found, err := a.Store.FindOrder(ctx, visitor, order)
		if err == nil && found.Show != show.ID {
			err = booking.ErrOrderNotFound
		}
		if err != nil {
			return err
		}
		page.tellOrder(t, layout, show, found, a.Now())
		if found.State != booking.OrderIsDeclined {
			return nil
		}
	}
	hold, err := a.liveHold(c, visitor, show.ID)
	if err != nil {
		return err
	}
	orders, err := a.Store.OrdersOf(ctx, visitor)
	switch {
	case err != nil:
		return err
	case hold == nil:
		page.tellEarlier(t, layout, show.ID, orders)
		return nil
	case hold.State == booking.HoldPaying:
		if i := slices.IndexFunc(orders, func(o booking.Order) bool { return o.HoldID == hold.ID && o.State != booking.OrderIsDeclined }); i >= 0 {
			page.tellOrder(t, layout, show, orders[i], a.Now())
		}
		return nil
	}
	wallet, err := a.Store.Wallet(ctx, visitor)
	if err == nil {
		a.tellHold(t, layout, hold, wallet, page)
	}
	return err
}

func (p *tillPage) tellOrder(t tongue, layout *booking.Layout, show booking.Show, order booking.Order, now time.Time) {
	p.Order, p.Seats, p.Total = &order, seatNames(t, layout, order.Seats), t.Money(order.Amount, order.Currency)
	p.Cancels = order.State == booking.OrderIsPaid && show.CancelUntil != nil && now.Before(time.UnixMicro(*show.CancelUntil))
}

func (p *tillPage) tellEarlier(t tongue, layout *booking.Layout, show string, orders []booking.Order) {
	for _, o := range orders {
		if o.Show == show && o.State != booking.OrderIsDeclined {
			p.Earlier = append(p.Earlier, tillOrder{o.ID, seatNames(t, layout, o.Seats), t.Money(o.Amount, o.Currency)})
		}
	}
}

func (a *API) tellHold(t tongue, layout *booking.Layout, hold *booking.Hold, wallet booking.Wallet, page *tillPage) {
	page.Hold, page.Total = hold, t.Money(hold.Amount, hold.Currency)
	page.Balance, page.Charges = t.Money(wallet.Balance, wallet.Currency), a.DemoCharges
	page.Cards, page.Known = a.Store.TakesCards(), a.DemoCards
	if wallet.Balance < hold.Amount {
		page.Missing = t.Money(hold.Amount-wallet.Balance, wallet.Currency)
	}
	page.Left = clock(time.UnixMicro(hold.ExpiresAt).Sub(a.Now()))
	for _, seat := range hold.Seats {
		if i, ok := layout.Ordinal(seat); ok {
			page.Lines = append(page.Lines, tillLine{seatNames(t, layout, []string{seat}), t.Money(layout.Price(i), hold.Currency)})
		}
	}
}

// nameKey is the text that says where a place of a section is, as placeName in web/ui.js has it.
func nameKey(section booking.Section) string {
	if section.Standing > 0 {
		return "standing.name"
	}
	return "seats.name"
}

// seatNames says where seats are, as web/checkout.js does.
func seatNames(t tongue, layout *booking.Layout, seats []string) string {
	names := make([]string, len(seats))
	for i, seat := range seats {
		names[i] = seat
		if section, row, number, ok := layout.Where(seat); ok {
			names[i] = t.Text(nameKey(section), "section", section.Name, "row", row, "number", number)
		}
	}
	return strings.Join(names, t.Text("seats.between"))
}

// CardName says how a card that makes believe behaves.
func (t tongue) CardName(card string) string {
	if text := t.Text("card." + card); text != "card."+card {
		return text
	}
	return card
}

// payByForm does what the form of the plain till asks for, and leads to what came of it.
func (a *API) payByForm(c *gin.Context) {
	room, show, who, form, err := a.roomAndForm(c)
	if err != nil {
		a.failPage(c, err)
		return
	}
	ctx, visitor, to := c.Request.Context(), who.visitor, tillPath(show, "")
	switch form.Get("do") {
	case "pay":
		payment := paymentJSON{Method: form.Get("method")}
		if payment.Method == booking.MethodCard {
			payment.Card = strings.TrimSpace(form.Get("card"))
		}
		var order booking.Order
		order, err = a.order(c, visitor, form.Get("hold"), form.Get("key"), payment, func(hold string) (queue.Pass, error) {
			if hold != show.ID {
				return queue.Pass{}, booking.ErrHoldNotFound
			}
			return a.inside(c, room, who)
		})
		to = tillPath(show, order.ID)
		if hold, lost := a.Store.FindHold(ctx, visitor, form.Get("hold")); err != nil && lost == nil && (hold.State == booking.HoldPaid || hold.State == booking.HoldPaying) {
			to, err = tillPath(show, ""), nil // another attempt was first: there is its order
		}
	case "charge":
		err = a.chargeMissing(c, visitor, show.ID)
	case "release":
		to, err = hallPath(show), a.release(c, visitor, form.Get("hold"))
	case "prolong":
		err = a.prolongByForm(c, room, who)
	case "cancel":
		to = tillPath(show, form.Get("order"))
		_, err = a.Store.CancelOrder(ctx, visitor, form.Get("order"))
	default:
		err = invalidField("do", "must be pay, charge, release, prolong or cancel")
	}
	if err != nil {
		a.till(c, show, who, form.Get("order"), err)
		return
	}
	private(c)
	c.Redirect(http.StatusSeeOther, to)
}

// chargeMissing charges what the wallet lacks for what is held, where that is for show.
// The key is that of web/checkout.js: once is enough.
func (a *API) chargeMissing(c *gin.Context, visitor, show string) error {
	if !a.DemoCharges {
		return adminRequired
	}
	hold, err := a.liveHold(c, visitor, show)
	if err != nil || hold == nil {
		return err
	}
	wallet, err := a.Store.Wallet(c.Request.Context(), visitor)
	missing := hold.Amount - wallet.Balance
	if err == nil && missing > 0 {
		_, err = a.Store.Charge(c.Request.Context(), visitor, missing, fmt.Sprintf("charge-%s-%d", hold.ID, missing), "visitor")
	}
	return err
}
