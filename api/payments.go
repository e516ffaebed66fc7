package api

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/internal/signed"
)

// methods are the ways to pay that an order may name.
func (a *API) methods() []string {
	if a.Store.TakesCards() {
		return []string{booking.MethodWallet, booking.MethodCard}
	}
	return []string{booking.MethodWallet}
}

// paymentWebhook hears that the payment provider has something to tell. It is a hint:
// what became of the payment is asked for, so that whoever forges one, or sends one
// again, brings about a question at most. What is of no kind that is known is taken and
// set aside.
func (a *API) paymentWebhook(c *gin.Context) {
	raw, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, mostBody))
	if err != nil {
		a.fail(c, tooLarge)
		return
	}
	if err := signed.Check(a.WebhookSecret, c.GetHeader(signed.Header), a.Now(), raw); err != nil {
		a.fail(c, signatureInvalid)
		return
	}
	var hint struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Payment string `json:"payment"`
	}
	if err := json.Unmarshal(raw, &hint); err != nil { // fields that we do not know are the provider's business
		a.fail(c, malformed)
		return
	}
	what, known := strings.CutPrefix(hint.Type, "payment.")
	if !known {
		a.logOf(c).Warn("webhook of an unknown kind", "type", hint.Type, "id", hint.ID)
		c.Status(http.StatusAccepted)
		return
	}
	waits, err := a.Store.PaymentHeard(c.Request.Context(), hint.Payment, what)
	if err != nil {
		a.fail(c, err)
		return
	}
	if !waits {
		a.logOf(c).Debug("webhook of a payment that waits for none", "payment", hint.Payment)
	}
	c.Status(http.StatusAccepted)
}

func (a *API) getAnyOrder(c *gin.Context) {
	order, err := a.Store.OrderOf(c.Request.Context(), c.Param("order"))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, newOrderJSON(order))
}

// cancelAnyOrder undoes an order whatever the show's time for it.
func (a *API) cancelAnyOrder(c *gin.Context) {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	if n := len([]rune(body.Reason)); n < 1 || n > mostReason {
		a.fail(c, invalidField("reason", "must have 1 to 200 characters"))
		return
	}
	order, err := a.Store.CancelOrderFor(c.Request.Context(), c.Param("order"), "operator", body.Reason)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, newOrderJSON(order))
}

// mostReason is how long the reason of a cancellation may be, in characters.
const mostReason = 200
