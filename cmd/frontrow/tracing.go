package main

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"frontrow/internal/telemetry"
)

// tracingConfig says where spans go.
type tracingConfig struct {
	OTLPURL    string  `name:"otlp-url" env:"FRONTROW_OTLP_URL,OTEL_EXPORTER_OTLP_ENDPOINT" help:"Base URL of an OpenTelemetry collector, by OTLP over HTTP, such as http://127.0.0.1:4318. Empty: nothing is traced." placeholder:"URL"`
	TraceRatio float64 `name:"trace-ratio" env:"FRONTROW_TRACE_RATIO" default:"1" help:"Which share of the flows is traced, from 0 to 1. Polls never are." placeholder:"SHARE"`
}

func (c tracingConfig) check() error {
	var errs []error
	if c.OTLPURL != "" {
		u, err := url.Parse(c.OTLPURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
			errs = append(errs, errors.New("FRONTROW_OTLP_URL must be http(s)://host, and may have a path"))
		}
	}
	if !(c.TraceRatio >= 0 && c.TraceRatio <= 1) { // NaN is neither
		errs = append(errs, errors.New("FRONTROW_TRACE_RATIO must be from 0 to 1"))
	}
	return errors.Join(errs...)
}

// startTracing begins to send spans, if it is configured.
func (g *gateway) startTracing(ctx context.Context) (err error) {
	if g.config.OTLPURL == "" {
		return nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { g.log.Warn("spans not sent", "error", err) }))
	g.tracing, err = telemetry.NewTracing(ctx, telemetry.TracingOptions{
		URL: g.config.OTLPURL, Ratio: g.config.TraceRatio, Version: version, Instance: ulid.Make().String(),
	})
	return err
}

// tracer makes the spans of the sale; nil: none are made.
func (g *gateway) tracer() trace.Tracer {
	if g.tracing == nil {
		return nil
	}
	return g.tracing.Tracer("frontrow/booking")
}

// provider makes the spans of requests; nil: none are made.
func (g *gateway) provider() trace.TracerProvider {
	if g.tracing == nil {
		return nil // and not a nil *telemetry.Tracing, which is something
	}
	return g.tracing
}

// trace makes spans of what is asked of Redis and of the database.
func (g *gateway) trace(client redis.UniversalClient, db *gorm.DB) error {
	if g.tracing == nil {
		return nil
	}
	return errors.Join(g.tracing.TraceRedis(client), db.Use(g.tracing.SQLSpans()))
}

// flushFor is how long a gateway that stops waits for its last spans to be taken.
const flushFor = 2 * time.Second

func (g *gateway) stopTracing() {
	if g.tracing == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushFor)
	defer cancel()
	if err := g.tracing.Shutdown(ctx); err != nil {
		g.log.Warn("spans not sent", "error", err)
	}
}
