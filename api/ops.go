package api

import (
	"context"
	"embed"
	"net/http"
	"path"
	"time"

	"github.com/gin-gonic/gin"

	"frontrow/docs"
)

//go:embed web
var web embed.FS

// page serves one page of web. Its scripts and styles come from here alone.
func (a *API) page(name string) gin.HandlerFunc {
	return func(c *gin.Context) {
		raw, err := web.ReadFile("web/" + name)
		if err != nil {
			a.fail(c, err)
			return
		}
		c.Header("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Referrer-Policy", "same-origin")
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "text/html; charset=utf-8", raw)
	}
}

var assetTypes = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

func (a *API) asset(c *gin.Context) {
	name := c.Param("file")
	kind, known := assetTypes[path.Ext(name)]
	raw, err := web.ReadFile("web/" + path.Base(name))
	if err != nil || !known {
		a.fail(c, notFound)
		return
	}
	c.Header("Cache-Control", "no-cache")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, kind, raw)
}

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
