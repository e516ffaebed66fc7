package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/docs"
)

func contract(c *gin.Context) {
	c.Data(http.StatusOK, "application/yaml", docs.OpenAPI)
}

func health(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// readyWithin bounds what /readyz waits for a server.
const readyWithin = 2 * time.Second

func (a *API) readiness(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), readyWithin)
	defer cancel()
	checks, code, status := gin.H{}, http.StatusOK, "ok"
	for name, ask := range a.Ready {
		checks[name] = "ok"
		if err := ask(ctx); err != nil {
			checks[name], code = "unavailable", http.StatusServiceUnavailable
		}
	}
	if a.draining.Load() {
		checks["gateway"], code = "stopping", http.StatusServiceUnavailable
	}
	if code != http.StatusOK {
		status = "unavailable"
	}
	c.JSON(code, gin.H{"status": status, "checks": checks})
}
