package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

// orderJSON is an order.
type orderJSON struct {
	Order     string     `json:"order"`
	Show      string     `json:"show"`
	Hold      string     `json:"hold"`
	Seats     []string   `json:"seats"`
	Amount    int64      `json:"amount"`
	Currency  string     `json:"currency"`
	Method    string     `json:"method"`
	State     string     `json:"state"`
	Reason    string     `json:"reason,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	PaidAt    *time.Time `json:"paid_at,omitempty"`
	TraceID   string     `json:"trace_id"`
}

func newOrderJSON(o booking.Order) orderJSON {
	return orderJSON{
		Order: o.ID, Show: o.Show, Hold: o.HoldID, Seats: o.Seats, Amount: o.Amount, Currency: o.Currency,
		Method: o.Method, State: o.State, Reason: o.Reason, CreatedAt: *timeOf(&o.CreatedAt), PaidAt: timeOf(o.PaidAt), TraceID: o.Trace,
	}
}

// paymentJSON is how somebody wants to pay.
type paymentJSON struct {
	Method string `json:"method"`
	Card   string `json:"card"`
}

// idempotencyKeys are what a client may name an attempt by: visible ASCII.
var idempotencyKeys = regexp.MustCompile(`^[!-~]{1,128}$`)

func idempotencyKey(c *gin.Context) (string, error) {
	key := c.GetHeader("Idempotency-Key")
	if !idempotencyKeys.MatchString(key) {
		return "", invalidField("Idempotency-Key", "must be a header of 1 to 128 visible ASCII characters")
	}
	return key, nil
}

// placeOrder pays for a hold. A lost answer can be asked for again with the same
// key, also after the admission has ended; that is looked at before anything else.
func (a *API) placeOrder(c *gin.Context) {
	who, err := a.owner(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	key, err := idempotencyKey(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	var body struct {
		Hold    string      `json:"hold"`
		Payment paymentJSON `json:"payment"`
	}
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	order, err := a.order(c, who.visitor, body.Hold, key, body.Payment, func(show string) (queue.Pass, error) { return a.insider(c, show) })
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	if order.State == booking.OrderIsPending {
		c.Header("Location", "/v1/orders/"+order.ID)
		c.Header("Retry-After", "1")
		c.JSON(http.StatusAccepted, newOrderJSON(order))
		return
	}
	c.JSON(http.StatusCreated, newOrderJSON(order))
}

// order is that of an attempt to pay, which has the key, or of an earlier one with it.
// Where it is the first, inside finds the pass of the hold's show. A declined payment is
// the problem paymentDeclined.
func (a *API) order(c *gin.Context, visitor, hold, key string, payment paymentJSON, inside func(show string) (queue.Pass, error)) (booking.Order, error) {
	text := hold + "\x00" + payment.Method
	switch {
	case hold == "":
		return booking.Order{}, invalidField("hold", "must name a hold")
	case payment.Method == booking.MethodCard:
		text += "\x00" + payment.Card
	case payment.Method != booking.MethodWallet:
		return booking.Order{}, invalidField("payment.method", "must be wallet or card")
	case payment.Card != "":
		return booking.Order{}, invalidField("payment.card", "goes with the method card alone")
	}
	hash := sha256.Sum256([]byte(text))
	request := booking.PayRequest{
		Visitor: visitor, HoldID: hold, Key: key, BodyHash: hex.EncodeToString(hash[:]), Trace: enterFlow(c), Card: payment.Card,
	}
	order, known, err := a.Store.Replay(c.Request.Context(), visitor, key, request.BodyHash)
	if err == nil && !known {
		order, err = a.pay(c, payment.Method, request, inside)
	}
	if err == nil && order.State == booking.OrderIsDeclined {
		err = paymentDeclined.with("order", order.ID).with("reason", order.Reason)
	}
	return order, err
}

// cancelOrder gives the seats back and the money back.
func (a *API) cancelOrder(c *gin.Context) {
	who, err := a.owner(c)
	var order booking.Order
	if err == nil {
		order, err = a.Store.CancelOrder(c.Request.Context(), who.visitor, c.Param("order"))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, newOrderJSON(order))
}

// pay is the first attempt: it needs the pass of the hold's show, and the admission
// behind it.
func (a *API) pay(c *gin.Context, method string, request booking.PayRequest, inside func(show string) (queue.Pass, error)) (booking.Order, error) {
	ctx := c.Request.Context()
	hold, err := a.Store.FindHold(ctx, request.Visitor, request.HoldID)
	if err != nil {
		return booking.Order{}, err
	}
	pass, err := inside(hold.Show)
	if err != nil {
		return booking.Order{}, err
	}
	switch hold.State {
	case booking.HoldHeld, booking.HoldPaid:
	case booking.HoldPaying:
		return booking.Order{}, booking.ErrPaymentUnderWay
	default:
		return booking.Order{}, booking.ErrHoldExpired
	}
	room, err := a.Queue.Room(hold.Show)
	if err != nil {
		return booking.Order{}, err
	}
	pin, err := room.PinFor(ctx, pass, pinMoment)
	if err != nil {
		return booking.Order{}, err
	}
	request.Number, request.Now, request.Latest = pass.Number, pin.Now, pin.Max
	if method == booking.MethodCard {
		return a.payByCard(c, room, pass, pin, request)
	}
	order, err := a.Store.PayFromWallet(ctx, request)
	if err != nil {
		a.giveBack(c, room, pass, pin)
	}
	return order, err
}

// payByCard keeps the buyer inside while the provider is asked, and gives the slot back
// when it has said no. Should nothing be known by then, the slot is given back after a
// while, and the listeners of the outcome see to the rest.
func (a *API) payByCard(c *gin.Context, room *queue.Room, pass queue.Pass, pin queue.Pin, request booking.PayRequest) (booking.Order, error) {
	ctx := c.Request.Context()
	until := pin.Now + a.Store.PaymentSlot().Microseconds()
	if _, err := room.PinUntil(ctx, pass.Visitor, pass.Number, until); err != nil {
		a.giveBack(c, room, pass, pin)
		return booking.Order{}, err
	}
	order, err := a.Store.PayByCard(ctx, request)
	if err == nil && order.State != booking.OrderIsDeclined {
		return order, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pinMoment)
	defer cancel()
	held, lost := a.Store.HeldUntil(ctx, pass.Visitor, pass.Show)
	if lost == nil {
		lost = room.Unpin(ctx, pass.Visitor, pass.Number, held)
	}
	if lost != nil {
		a.logOf(c).Warn("admission stays pinned for a while", "error", lost)
	}
	return order, err
}

func (a *API) listOrders(c *gin.Context) {
	who, err := a.owner(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	orders, err := a.Store.OrdersOf(c.Request.Context(), who.visitor)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer := make([]orderJSON, len(orders))
	for i, o := range orders {
		answer[i] = newOrderJSON(o)
	}
	private(c)
	c.JSON(http.StatusOK, gin.H{"orders": answer})
}

func (a *API) getOrder(c *gin.Context) {
	who, err := a.owner(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	order, err := a.Store.FindOrder(c.Request.Context(), who.visitor, c.Param("order"))
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, newOrderJSON(order))
}
