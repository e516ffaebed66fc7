package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/queue"
)

// proofHeader brings the solution of a challenge with a join.
const proofHeader = "X-Frontrow-Proof"

type challengeJSON struct {
	Show      string    `json:"show"`
	Challenge string    `json:"challenge"`
	Below     uint32    `json:"below"`
	Work      int       `json:"work"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (a *API) challenge(c *gin.Context) {
	room, show, err := a.room(c)
	var challenge queue.Challenge
	if err == nil {
		challenge, err = room.Challenge()
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	private(c)
	c.JSON(http.StatusOK, challengeJSON{
		Show: show.ID, Challenge: challenge.Text, Below: challenge.Below, Work: challenge.Work, ExpiresAt: challenge.Expires,
	})
}

// joiner is who joins, with what the show's rules may want to know of them.
func (a *API) joiner(c *gin.Context, room *queue.Room, asker asker) queue.Who {
	who := asker.queue()
	who.Proof = c.GetHeader(proofHeader)
	if room.Guarded() {
		who.From = address(c)
	}
	if !who.New {
		who.Unproven = func() error { return a.unproven(c) }
	}
	return who
}

// whereToProve adds to a problem with a proof of work where a challenge is given.
func whereToProve(c *gin.Context, err error) error {
	for _, lacks := range []error{queue.ErrProofRequired, queue.ErrProofInvalid, queue.ErrProofSpent} {
		if errors.Is(err, lacks) {
			return problemOf(err).with("challenge", "/v1/shows/"+c.Param("show")+"/queue/challenge")
		}
	}
	return err
}
