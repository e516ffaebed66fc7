package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	qr "github.com/piglig/go-qr"

	"frontrow/booking"
	"frontrow/internal/ticket"
)

// ticketsJSON are the concert tickets of an order.
type ticketsJSON struct {
	Order   string       `json:"order"`
	Show    string       `json:"show"`
	Title   string       `json:"title"`
	Venue   string       `json:"venue"`
	PlaysAt *time.Time   `json:"plays_at,omitempty"`
	Tickets []ticketJSON `json:"tickets"`
}

// ticketJSON is one of them; QR is its code as an SVG.
type ticketJSON struct {
	Seat        string `json:"seat"`
	Section     string `json:"section"`
	SectionName string `json:"section_name"`
	Row         string `json:"row"`
	Number      string `json:"number"`
	Price       int64  `json:"price"`
	Currency    string `json:"currency"`
	Code        string `json:"code"`
	QR          string `json:"qr"`
	Standing    bool   `json:"standing,omitempty"`
}

// getTickets gives the buyer of a paid order a signed ticket for each seat.
func (a *API) getTickets(c *gin.Context) {
	who, err := a.owner(c)
	var tickets ticketsJSON
	if err == nil {
		tickets, err = a.tickets(c, who)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, tickets)
}

// tickets are those of the order in the path. It may return noTickets, besides what
// finding the order may.
func (a *API) tickets(c *gin.Context, who asker) (ticketsJSON, error) {
	order, err := a.Store.FindOrder(c.Request.Context(), who.visitor, c.Param("order"))
	if err != nil {
		return ticketsJSON{}, err
	}
	if order.State != booking.OrderIsPaid {
		return ticketsJSON{}, noTickets
	}
	return a.ticketsOf(c, order)
}

func (a *API) ticketsOf(c *gin.Context, order booking.Order) (ticketsJSON, error) {
	show, ok := a.Catalogue.Lookup(order.Show)
	if !ok {
		return ticketsJSON{}, showNotFound
	}
	layout, err := a.Store.Layout(c.Request.Context(), show)
	if err != nil {
		return ticketsJSON{}, err
	}
	told := ticketsJSON{Order: order.ID, Show: show.ID, Title: show.Title, Venue: show.Venue, PlaysAt: timeOf(show.PlaysAt)}
	for _, seat := range order.Seats {
		section, row, number, ok := layout.Where(seat)
		if !ok {
			return told, fmt.Errorf("seat %s of order %s is not in the layout", seat, order.ID)
		}
		code := ticket.Ticket{Show: show.ID, Seat: seat, Order: order.ID}.Encode(a.Keys.KeyID(), a.Keys.Sign)
		picture, err := qrCode(code)
		if err != nil {
			return told, err
		}
		told.Tickets = append(told.Tickets, ticketJSON{
			Seat: seat, Section: section.Section, SectionName: section.Name, Row: row, Number: number,
			Price: section.Price, Currency: order.Currency, Code: code, QR: picture, Standing: section.Standing > 0,
		})
	}
	return told, nil
}

// quietZone is the empty border around a QR code that readers need, in modules.
const quietZone = 4

// qrCode draws a text as an SVG, dark on light in whatever surroundings, with a
// seventh of it redundant: paper folds.
func qrCode(text string) (string, error) {
	code, err := qr.EncodeText(text, qr.Medium)
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	svg, err := code.ToSVGBytes(qr.NewQrCodeImgConfig(1, quietZone, qr.WithOptimalSVG()))
	if err != nil {
		return "", fmt.Errorf("QR code: %w", err)
	}
	return string(svg), nil
}
