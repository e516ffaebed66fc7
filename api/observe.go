package api

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
)

// Keys of what a request carries along.
const (
	requestIDKey = "request_id"
	traceKey     = "trace_id"
	loggerKey    = "logger"
)

var (
	requestIDs   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	traceParents = regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// observe gives a request its id and trace, and notes in log and metrics how it
// went. Neither headers nor queries are logged: they may carry proofs.
func (a *API) observe(c *gin.Context) {
	start := time.Now()
	id := c.GetHeader("X-Request-Id")
	if !requestIDs.MatchString(id) {
		id = randomHex(8)
	}
	c.Set(requestIDKey, id)
	c.Header("X-Request-Id", id)
	logger := a.log.With("request_id", id)
	c.Set(loggerKey, logger)

	c.Next()

	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	took, status := time.Since(start), c.Writer.Status()
	a.requests.WithLabelValues(c.Request.Method, route, strconv.Itoa(status)).Observe(took.Seconds())
	if level := levelOf(status); logger.Enabled(c.Request.Context(), level) {
		logger.Log(c.Request.Context(), level, "request",
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
			slogOf(c).Error("handler panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			fail(c, internal)
		}
	}()
	c.Next()
}

func requestID(c *gin.Context) string { return c.GetString(requestIDKey) }

// traceID names the flow that this request is part of: the one that the caller
// named by W3C traceparent, or a new one.
func traceID(c *gin.Context) string {
	if id := c.GetString(traceKey); id != "" {
		return id
	}
	id := randomHex(16)
	if match := traceParents.FindStringSubmatch(c.GetHeader("traceparent")); match != nil {
		id = match[1]
	}
	c.Set(traceKey, id)
	return id
}

func slogOf(c *gin.Context) *slog.Logger {
	if logger, ok := c.Get(loggerKey); ok {
		return logger.(*slog.Logger)
	}
	return slog.Default()
}

func randomHex(n int) string {
	raw := make([]byte, n)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}
