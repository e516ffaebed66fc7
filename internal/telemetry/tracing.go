package telemetry

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracing makes spans and sends them to a collector.
type Tracing struct{ *sdk.TracerProvider }

// TracingOptions say where spans go. URL is the collector's base, to which /v1/traces is
// added; Ratio is which share of the flows is traced, from 0 to 1; Instance names this
// gateway among others.
type TracingOptions struct {
	URL               string
	Ratio             float64
	Version, Instance string
}

// exportWithin bounds one try of sending spans. Nothing waits for it: what a collector
// that is away cannot take is dropped.
const exportWithin = 5 * time.Second

// NewTracing starts what sends spans in the background, until Shutdown. It asks nobody yet.
func NewTracing(ctx context.Context, o TracingOptions) (*Tracing, error) {
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.URL, "/")+"/v1/traces"),
		otlptracehttp.WithTimeout(exportWithin),
	)
	if err != nil {
		return nil, err
	}
	return &Tracing{sdk.NewTracerProvider(
		sdk.WithBatcher(exporter),
		sdk.WithSampler(sampler(o.Ratio)),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "frontrow"),
			attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", o.Instance),
		)),
	)}, nil
}

// sampler decides by the trace id alone whether a flow is traced: whoever calls from
// outside may name the flow, but does not decide what is kept of it. A flow that goes on
// stays as it was decided when it began, by any gateway; see flow.In.
func sampler(ratio float64) sdk.Sampler {
	byID := sdk.TraceIDRatioBased(ratio)
	return sdk.ParentBased(begun{byID}, sdk.WithRemoteParentSampled(byID), sdk.WithRemoteParentNotSampled(byID))
}

// begun lets flows begin with what somebody asked for: what the loops ask of Redis would
// be traces of one span, several a second.
type begun struct{ sdk.Sampler }

// ShouldSample implements sdk.Sampler.
func (b begun) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if p.Kind == trace.SpanKindServer || p.Kind == trace.SpanKindConsumer {
		return b.Sampler.ShouldSample(p)
	}
	return sdk.NeverSample().ShouldSample(p)
}

// TraceRedis makes a span of each command that a client sends as part of a flow. The
// arguments are left out: they may be proofs.
func (t *Tracing) TraceRedis(client redis.UniversalClient) error {
	return redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(t),
		redisotel.WithDBStatement(false), redisotel.WithCallerEnabled(false), redisotel.WithDialFilter(true))
}
