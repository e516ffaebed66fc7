package main

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// serveBaseline is what a poll is measured against: gin, no middleware, and a body
// like a poll's.
func serveBaseline(address string) error {
	type eta struct {
		Low  int64 `json:"low_seconds"`
		High int64 `json:"high_seconds"`
	}
	type status struct {
		Show        string    `json:"show"`
		State       string    `json:"state"`
		AsOf        time.Time `json:"as_of"`
		Position    int64     `json:"position"`
		Ahead       int64     `json:"ahead"`
		Waiting     int64     `json:"waiting"`
		ETA         eta       `json:"eta"`
		PollAfterMS int64     `json:"poll_after_ms"`
	}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/ping", func(c *gin.Context) {
		c.JSON(http.StatusOK, status{"bench", "waiting", time.Now(), 50_321, 50_320, 100_000, eta{110, 150}, 29_800})
	})
	return http.ListenAndServe(address, r)
}
