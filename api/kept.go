package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"frontrow/booking"
)

// mostKeeping is how many bytes name booking.MostKept seats.
const mostKeeping = 128 << 10

// keptJSON are the seats that are not for sale.
type keptJSON struct {
	Changed *int     `json:"changed,omitempty"`
	House   []string `json:"house"`
	Blocked []string `json:"blocked"`
}

func (a *API) getKept(c *gin.Context) {
	show, err := a.adminShow(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.tellKept(c, show.ID, nil)
}

// keepSeats takes seats out of the sale, or puts them back.
func (a *API) keepSeats(c *gin.Context) {
	var body struct {
		Seats   []string `json:"seats"`
		Was     string   `json:"was"`
		Section *string  `json:"section"`
		State   string   `json:"state"`
	}
	if err := read(c, &body, mostKeeping); err != nil {
		a.fail(c, err)
		return
	}
	changed, err := a.Store.KeepSeats(c.Request.Context(), c.Param("show"), booking.Keeping(body))
	if err != nil {
		a.fail(c, err)
		return
	}
	a.tellKept(c, c.Param("show"), &changed)
}

func (a *API) tellKept(c *gin.Context, show string, changed *int) {
	kept, err := a.Store.Kept(c.Request.Context(), show)
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, keptJSON{
		Changed: changed, House: append([]string{}, kept.House...), Blocked: append([]string{}, kept.Blocked...),
	})
}
