package api

import (
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

// ticketPage is what the page of an order's tickets shows.
type ticketPage struct {
	showHead
	Order   string
	Tickets []printedTicket
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
	show, _ := a.Catalogue.Lookup(told.Show) // as it was found before
	page := ticketPage{showHead: headOf(show), Order: told.Order}
	for _, t := range told.Tickets {
		picture := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(t.QR))
		page.Tickets = append(page.Tickets, printedTicket{t, template.URL(picture)}) //nolint:gosec // our own drawing
	}
	a.html(c, http.StatusOK, "ticket.html", page)
}
