package api

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// ordersHead names the columns. A visitor's id is all that it says of people.
var ordersHead = []string{"order", "created_at", "paid_at", "state", "visitor", "number", "seats", "amount", "currency", "method", "reason"}

// downloadOrders writes all orders of a show as CSV (RFC 4180), as they are read. Once it has begun, what goes
// wrong breaks the connection off: nobody shall take half a file for a whole one.
func (a *API) downloadOrders(c *gin.Context) {
	show, err := a.adminShow(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := csv.NewWriter(c.Writer)
	out.UseCRLF = true
	begun := false
	for page, err := range a.Store.OrdersIn(c.Request.Context(), show.ID) {
		switch {
		case err != nil && begun:
			a.logOf(c).Warn("orders broken off", "show", show.ID, "error", err)
			panic(http.ErrAbortHandler)
		case err != nil:
			a.fail(c, err)
			return
		case !begun:
			private(c)
			c.Header("Content-Type", "text/csv; charset=utf-8")
			c.Header("Content-Disposition", `attachment; filename="orders-`+show.ID+`.csv"`)
			c.Header("X-Content-Type-Options", "nosniff")
			_ = out.Write(ordersHead) // Error tells
			begun = true
		}
		for _, o := range page {
			_ = out.Write(rowOf(o))
		}
		out.Flush()
		if out.Error() != nil { // who has gone is not told
			return
		}
		c.Writer.Flush()
	}
}

func rowOf(o booking.Order) []string {
	cells := []string{
		o.ID, utc(&o.CreatedAt), utc(o.PaidAt), o.State, o.Visitor, strconv.FormatInt(o.Number, 10), strings.Join(o.Seats, " "),
		strconv.FormatInt(o.Amount, 10), o.Currency, o.Method, o.Reason,
	}
	for i, cell := range cells {
		cells[i] = defused(cell)
	}
	return cells
}

func utc(us *int64) string {
	if us == nil {
		return ""
	}
	return time.UnixMicro(*us).UTC().Format(time.RFC3339)
}

// defused keeps a spreadsheet from running a cell as a formula: text that begins like one gets
// an apostrophe before it.
func defused(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
