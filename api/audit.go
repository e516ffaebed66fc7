package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// operatorHeader is by what name an operator goes: the admin token has none, and who is
// signed in goes by another one with it.
const operatorHeader = "X-Frontrow-Operator"

var operatorNames = regexp.MustCompile(`^[!-~]{1,64}$`)

// named notes in whose name an admin request changes something: the operator's, or that
// of the header. Returns a problem.
func named(c *gin.Context, operator string) error {
	if c.Request.Method == http.MethodGet {
		return nil
	}
	if names, given := c.Request.Header[operatorHeader]; given {
		if operator = names[0]; len(names) > 1 || !operatorNames.MatchString(operator) {
			return invalidField(operatorHeader, "must be one header of 1 to 64 visible ASCII characters")
		}
	}
	c.Request = c.Request.WithContext(booking.WithActor(c.Request.Context(), booking.Actor{
		Operator: operator, Address: c.ClientIP(), Request: requestID(c),
	}))
	return nil
}

// auditUsual is how many entries are told to who names no limit.
const auditUsual = 50

type auditJSON struct {
	ID        string          `json:"id"`
	At        time.Time       `json:"at"`
	Show      string          `json:"show,omitempty"`
	Subject   string          `json:"subject,omitempty"`
	Action    string          `json:"action"`
	Operator  string          `json:"operator"`
	Address   string          `json:"address"`
	RequestID string          `json:"request_id"`
	Before    json.RawMessage `json:"before"`
	After     json.RawMessage `json:"after"`
}

func (a *API) getAudit(c *gin.Context) {
	limit, err := queryNumber(c, "limit", auditUsual, 1, booking.MostAudit)
	var entries []booking.AuditEntry
	var more bool
	if err == nil {
		entries, more, err = a.Store.Audit(c.Request.Context(), c.Query("show"), c.Query("after"), limit)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	list := make([]auditJSON, len(entries))
	for i, e := range entries {
		list[i] = auditJSON{
			ID: e.ID, At: *timeOf(&e.At), Show: e.Show, Subject: e.Subject, Action: e.Action,
			Operator: e.Operator, Address: e.Address, RequestID: e.Request, Before: e.Before, After: e.After,
		}
	}
	answer := gin.H{"entries": list}
	if more {
		answer["next"] = list[len(list)-1].ID
	}
	c.JSON(http.StatusOK, answer)
}
