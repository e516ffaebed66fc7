package api

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/queue"
)

// boardJSON is the public board. web/board.js works positions and waits out from it.
type boardJSON struct {
	Show        string          `json:"show"`
	Phase       queue.Phase     `json:"phase"`
	Paused      bool            `json:"paused"`
	StartsAt    *time.Time      `json:"starts_at,omitempty"`
	Head        int64           `json:"head"`
	Tail        int64           `json:"tail"`
	Waiting     int64           `json:"waiting"`
	Present     int64           `json:"present"`
	Rate        *float64        `json:"rate_per_second"`
	Forecast    *queue.Forecast `json:"forecast"`
	Seats       *queue.Odds     `json:"seats"`
	Returned    int64           `json:"returned"`
	Histogram   [][2]int64      `json:"histogram"`
	Message     string          `json:"message,omitempty"`
	PollAfterMS int64           `json:"poll_after_ms"`
	AsOf        time.Time       `json:"as_of"`
}

// boards are the boards as they are sent, written once a view.
type boards struct {
	mu     sync.Mutex
	byShow map[string]writtenBoard
}

type writtenBoard struct {
	of            *queue.Board
	etag          string
	plain, zipped []byte
}

// getBoard answers with what is the same for everybody: no credentials, no cookies, and
// a CDN may keep it for a second.
func (a *API) getBoard(c *gin.Context) {
	room, show, err := a.room(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	board, err := room.Board()
	if err != nil {
		a.fail(c, err)
		return
	}
	written, err := a.boards.of(board, timeOf(show.StartsAt))
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Header("Cache-Control", "public, max-age=1, stale-while-revalidate=5")
	send(c, jsonKind, written.etag, func() []byte { return written.plain }, func() []byte { return written.zipped })
}

func (b *boards) of(board *queue.Board, startsAt *time.Time) (writtenBoard, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.byShow[board.Show]; w.of == board {
		return w, nil
	}
	w, err := writeBoard(board, startsAt)
	if err == nil {
		if b.byShow == nil {
			b.byShow = map[string]writtenBoard{}
		}
		b.byShow[board.Show] = w
	}
	return w, err
}

func writeBoard(board *queue.Board, startsAt *time.Time) (writtenBoard, error) {
	told := boardJSON{
		Show: board.Show, Phase: board.Phase, Paused: board.Paused, Head: board.Head, Tail: board.Tail,
		Waiting: board.Waiting, Present: board.Present, Forecast: board.Forecast, Seats: board.Odds, Returned: board.Line[0].Position,
		Histogram: make([][2]int64, 0, len(board.Line)), Message: board.Message,
		PollAfterMS: queue.BoardEvery.Milliseconds(), AsOf: board.AsOf,
	}
	if board.Phase != queue.Open {
		told.StartsAt = startsAt
	}
	if board.Rate > 0 {
		told.Rate = &board.Rate
	}
	for i, knot := range board.Line[1:] {
		last := board.Line[i]
		told.Histogram = append(told.Histogram, [2]int64{knot.Number - last.Number, knot.Position - last.Position})
	}
	plain, err := json.Marshal(told)
	if err != nil {
		return writtenBoard{}, fmt.Errorf("write the board: %w", err)
	}
	etag := fmt.Sprintf(`W/"%d.%d"`, board.AsOf.UnixMicro(), len(plain))
	return writtenBoard{of: board, etag: etag, plain: plain, zipped: zip(plain, zipWell)}, nil
}
