package api

import (
	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/contrib/instrumentation/github.com/gin-gonic/gin/otelgin"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
)

// untraced are the routes that a crowd asks again and again and that begin no flow: of
// them, and of what is no route, no span is made. A poll pays for looking here alone.
var untraced = map[string]bool{
	"":                                true,
	"/":                               true,
	"/shows/:show":                    true,
	"/shows/:show/seats":              true,
	"/shows/:show/checkout":           true,
	"/orders/:order":                  true,
	"/orders/:order/ticket":           true,
	"/assets/*file":                   true,
	"/openapi.yaml":                   true,
	"/.well-known/jwks.json":          true,
	"/healthz":                        true,
	"/readyz":                         true,
	"/metrics":                        true,
	"/v1/shows":                       true,
	"/v1/shows/:show":                 true,
	"/v1/shows/:show/seats/layout":    true,
	"/v1/shows/:show/seats/state":     true,
	"/v1/shows/:show/queue":           true,
	"/v1/shows/:show/board":           true,
	"/v1/shows/:show/pass":            true,
	"/v1/shows/:show/draw":            true,
	"/v1/shows/:show/draw/list":       true,
	"/v1/shows/:show/queue/challenge": true,
}

// traced makes a span of each request, in the flow that its traceparent names or in a
// new one.
func (a *API) traced() gin.HandlerFunc {
	return otelgin.Middleware("frontrow",
		otelgin.WithTracerProvider(a.Tracing), otelgin.WithMeterProvider(noop.NewMeterProvider()),
		otelgin.WithPropagators(propagation.TraceContext{}),
		otelgin.WithGinFilter(func(c *gin.Context) bool { return !untraced[c.FullPath()] }))
}
