package api

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/internal/gate"
)

// problem is an answer that says what went wrong (RFC 9457). extra is what its code
// names, such as the seats that are taken.
type problem struct {
	status     int
	code       string
	detail     string
	retryAfter time.Duration
	extra      map[string]any
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

// refusal is what the gate refuses, as a problem of this interface.
func refusal(r *gate.Refusal) *problem {
	return &problem{status: r.Status, code: r.Code, detail: r.Detail, retryAfter: r.RetryAfter, extra: r.Extra}
}

// with returns the problem with one member more.
func (p *problem) with(member string, value any) *problem {
	more := *p
	more.extra = map[string]any{member: value}
	for k, v := range p.extra {
		more.extra[k] = v
	}
	return &more
}

// because returns the problem with another detail.
func (p *problem) because(detail string) *problem {
	more := *p
	more.detail = detail
	return &more
}

// fail ends a request with the problem that err is, or that the catalogue in
// errors.go has for it. What it has none for is told to the log alone.
func (a *API) fail(c *gin.Context, err error) {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		level := slog.LevelWarn
		if p == internal {
			level = slog.LevelError
		}
		a.logOf(c).Log(c.Request.Context(), level, "request failed", "code", p.code, "error", err)
	}
	if p.retryAfter > 0 {
		c.Header("Retry-After", wholeSeconds(p.retryAfter))
	}
	body := map[string]any{
		"type":       "about:blank",
		"title":      http.StatusText(p.status),
		"status":     p.status,
		"code":       p.code,
		"detail":     p.detail,
		"request_id": requestID(c),
	}
	for member, value := range p.extra {
		body[member] = value
	}
	c.Header("Content-Type", "application/problem+json")
	c.Header("Cache-Control", "no-store, private")
	c.AbortWithStatusJSON(p.status, body)
}

// wholeSeconds writes a time as Retry-After wants it: in seconds, rounded up.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(int(math.Ceil(d.Seconds())))
}

// problemOf is the problem that an error will be told as; nil for nil.
func problemOf(err error) *problem {
	var p *problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	}
	return problemFor(err)
}
