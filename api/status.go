package api

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/queue"
)

// tellStatus answers a join or a poll. Who waits is written without encoding/json:
// most answers of a sale are this one. `make bench` shows what a poll costs.
func (a *API) tellStatus(c *gin.Context, code int, s queue.Status, who asker) {
	buffer := statusBuffers.Get().(*[]byte)
	defer statusBuffers.Put(buffer)
	b := (*buffer)[:0]
	b = append(b, `{"show":"`...)
	b = append(b, s.Show...)
	b = append(b, `","state":"`...)
	b = append(b, s.State...)
	b = append(b, `","as_of":"`...)
	if s.AsOfText != "" {
		b = append(b, s.AsOfText...)
	} else {
		b = s.AsOf.UTC().AppendFormat(b, time.RFC3339Nano)
	}
	b = append(b, '"')
	switch s.State {
	case queue.Waiting:
		b = appendWaiting(b, s)
	case queue.SoldOut:
		b = appendNumber(b, "number", s.Number)
		if s.Listed > 0 {
			b = append(b, `,"waiting_list":{"position":`...)
			b = append(strconv.AppendInt(b, s.Listed, 10), '}')
		}
		b = appendChance(b, s)
	case queue.Gathers:
		b = appendText(b, "starts_at", s.StartsAt.UTC().Format(time.RFC3339Nano))
	case queue.Admitted:
		pass, expires, err := a.pass(c, passFor(s), s.Until)
		if err != nil {
			a.fail(c, err)
			return
		}
		b = appendText(b, "pass", pass)
		b = appendText(b, "pass_expires_at", expires.Format(time.RFC3339Nano))
		b = appendText(b, "admitted_until", s.Until.UTC().Format(time.RFC3339Nano))
		if seconds := int64(s.Prolong / time.Second); seconds > 0 {
			b = appendNumber(b, "prolong_seconds", seconds)
		}
	}
	header := c.Writer.Header()
	if s.PollAfter > 0 {
		b = appendNumber(b, "poll_after_ms", s.PollAfter.Milliseconds())
		header["Retry-After"] = retryAfter(s.PollAfter)
	}
	if s.Token != "" {
		b = appendText(b, "token", s.Token)
		if who.cookie {
			a.setCookie(c, placeCookie+s.Show, s.Token, 7*24*time.Hour)
		}
	}
	if s.Message != "" {
		message, _ := json.Marshal(s.Message) // a string: cannot fail
		b = append(append(b, `,"message":`...), message...)
	}
	b = append(b, '}')
	*buffer = b
	header["Content-Type"] = jsonType
	header["Cache-Control"] = privateOnly
	c.Status(code)
	_, _ = c.Writer.Write(b) // who has gone is not told
}

var (
	jsonType      = []string{"application/json; charset=utf-8"}
	privateOnly   = []string{"no-store, private"}
	statusBuffers = sync.Pool{New: func() any { return new([]byte) }}
)

// secondsHeaders are the values of Retry-After that polls are told.
var secondsHeaders = func() (h [61][]string) {
	for s := range h {
		h[s] = []string{strconv.Itoa(s)}
	}
	return h
}()

// retryAfter is wholeSeconds as a header, which a poll need not make.
func retryAfter(d time.Duration) []string {
	if s := int((d + time.Second - 1) / time.Second); s < len(secondsHeaders) {
		return secondsHeaders[s]
	}
	return []string{wholeSeconds(d)}
}

func appendWaiting(b []byte, s queue.Status) []byte {
	b = appendNumber(b, "position", s.Position)
	b = appendNumber(b, "ahead", s.Position-1)
	b = appendNumber(b, "waiting", s.InLine)
	b = appendNumber(b, "number", s.Number)
	b = appendChance(b, s)
	if s.Presence > 0 {
		b = append(b, `,"board":{"poll_after_ms":`...)
		b = strconv.AppendInt(b, queue.BoardEvery.Milliseconds(), 10)
		b = appendNumber(b, "presence_after_ms", s.Presence.Milliseconds())
		b = append(b, '}')
	}
	if s.ETA == nil {
		return append(b, `,"eta":null`...)
	}
	b = append(b, `,"eta":{"low_seconds":`...)
	b = strconv.AppendInt(b, int64(s.ETA.Low/time.Second), 10)
	b = appendNumber(b, "high_seconds", int64(s.ETA.High/time.Second))
	return append(b, '}')
}

func appendChance(b []byte, s queue.Status) []byte {
	if s.Chance == "" {
		return b
	}
	return appendText(appendNumber(b, "seats_left", s.SeatsLeft), "chance", string(s.Chance))
}

func appendNumber(b []byte, name string, n int64) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendInt(b, n, 10)
}

// appendText appends text of our own making: nothing in it needs escaping.
func appendText(b []byte, name, text string) []byte {
	b = append(append(append(b, `,"`...), name...), `":"`...)
	return append(append(b, text...), '"')
}
