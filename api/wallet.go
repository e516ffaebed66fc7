package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
	"frontrow/queue"
)

type walletJSON struct {
	Visitor  string `json:"visitor"`
	Balance  int64  `json:"balance"`
	Currency string `json:"currency"`
	Charged  int64  `json:"charged,omitempty"`
}

func (a *API) getWallet(c *gin.Context) {
	who, err := a.owner(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	wallet, err := a.Store.Wallet(c.Request.Context(), who.visitor)
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, walletJSON{Visitor: wallet.Visitor, Balance: wallet.Balance, Currency: booking.Currency})
}

// chargeWallet lets visitors charge their own wallets, where that is for show.
func (a *API) chargeWallet(c *gin.Context) {
	who, err := a.owner(c)
	if err == nil && !a.DemoCharges {
		err = adminRequired.because("Here only the operator charges wallets.")
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.charge(c, who.visitor, "visitor")
}

// chargeVisitorsWallet is for shops that sell points.
func (a *API) chargeVisitorsWallet(c *gin.Context) {
	visitor := c.Param("visitor")
	if !queue.IsVisitor(visitor) {
		a.fail(c, notFound.because("That is no visitor's id."))
		return
	}
	a.charge(c, visitor, "admin")
}

func (a *API) charge(c *gin.Context, visitor, by string) {
	key, err := idempotencyKey(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	var body struct {
		Amount int64 `json:"amount"`
	}
	if err := read(c, &body, mostBody); err != nil {
		a.fail(c, err)
		return
	}
	wallet, err := a.Store.Charge(c.Request.Context(), visitor, body.Amount, key, by)
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusCreated, walletJSON{Visitor: visitor, Balance: wallet.Balance, Currency: booking.Currency, Charged: body.Amount})
}
