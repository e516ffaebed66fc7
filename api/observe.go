package api

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/internal/flow"
)

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

const requestIDHeader = "X-Request-Id"

// observe notes in log and metrics how a request went. Neither headers nor queries are
// logged: they may carry proofs. A poll pays for this too, so nothing is made here that
// only a log line or an error would need.
func (a *API) observe(c *gin.Context) {
	start := time.Now()
	if id := c.Request.Header[requestIDHeader]; len(id) == 1 && requestIDs.MatchString(id[0]) {
		c.Writer.Header()[requestIDHeader] = id
	}

	c.Next()

	took, status := time.Since(start), c.Writer.Status()
	if status >= 500 {
		a.failed.Add(1)
	}
	a.requests.of(c.Request.Method, c.FullPath(), status).Observe(took.Seconds())
	if level := levelOf(status); a.Logger.Enabled(c.Request.Context(), level) {
		a.logOf(c).Log(c.Request.Context(), level, "request",
			"method", c.Request.Method, "path", c.Request.URL.Path, "status", status,
			"ms", float64(took.Microseconds())/1000, "from", c.ClientIP())
	}
}

// levelOf keeps the log readable when a hundred thousand people poll.
func levelOf(status int) slog.Level {
	if status >= 500 {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// recover answers a request whose handler panicked.
func (a *API) recover(c *gin.Context) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) // it means to break the connection off
			}
			a.logOf(c).Error("handler panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			a.fail(c, internal)
		}
	}()
	c.Next()
}

// requestID names a request in what is logged and told of it: as the caller did, or by
// an id made up when the first needs one. It need not be hard to guess.
func requestID(c *gin.Context) string {
	header := c.Writer.Header()
	if header.Get(requestIDHeader) == "" {
		var raw [8]byte
		binary.BigEndian.PutUint64(raw[:], mathrand.Uint64())
		header.Set(requestIDHeader, hex.EncodeToString(raw[:]))
	}
	return header.Get(requestIDHeader)
}

// enterFlow makes the request part of a flow, the one that it is in already, that its
// traceparent names, or a new one, and writes that down.
func enterFlow(c *gin.Context) string {
	ctx := c.Request.Context()
	if flow.Of(ctx) == "" {
		ctx = flow.Heard(ctx, c.GetHeader(flow.Header))
	}
	if flow.Of(ctx) == "" {
		ctx = flow.New(ctx)
	}
	c.Request = c.Request.WithContext(ctx)
	return flow.Of(ctx)
}

// logOf is the log of a request; it names its flow where there is one.
func (a *API) logOf(c *gin.Context) *slog.Logger {
	log := a.Logger.With("request_id", requestID(c))
	if text := flow.Of(c.Request.Context()); text != "" {
		log = log.With("trace", flow.TraceID(text))
	}
	return log
}
