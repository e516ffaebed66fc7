package api

import (
	"encoding/base64"
	"html/template"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// ticketPage is what the page of an order's tickets shows.
type ticketPage struct {
	Title, Venue, Order string
	PlaysAt             *time.Time
	Tickets             []printedTicket
}

type printedTicket struct {
	ticketJSON
	Picture template.URL
}

// showTickets serves the tickets of an order to its buyer, ready to print, without a
// script.
func (a *API) showTickets(c *gin.Context) {
	who, err := a.owner(c)
	var told ticketsJSON
	if err == nil {
		told, err = a.tickets(c, who)
	}
	if err != nil {
		a.failPage(c, err)
		return
	}
	page := ticketPage{Title: told.Title, Venue: told.Venue, Order: told.Order, PlaysAt: told.PlaysAt}
	for _, t := range told.Tickets {
		picture := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(t.QR))
		page.Tickets = append(page.Tickets, printedTicket{t, template.URL(picture)}) //nolint:gosec // our own drawing
	}
	a.html(c, http.StatusOK, "ticket.html", page)
}
