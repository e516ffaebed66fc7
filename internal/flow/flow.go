// Package flow names what belongs together: everything that one request has brought
// about, on whatever gateway and however much later. The name of a flow is a W3C trace
// id. It is written down with what happens, together with the span that it happened in,
// so that a trace goes on where it was left.
package flow

import (
	"context"
	"crypto/rand"
	"regexp"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Header carries a flow from one service to the next.
const Header = "traceparent"

// A flow is written as its trace id, the span in it and the flags: a traceparent without
// its version. Older rows have the trace id alone.
var (
	written = regexp.MustCompile(`^([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)
	bare    = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// Of writes down the flow that ctx is part of; "" for none.
func Of(ctx context.Context) string {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return ""
	}
	return s.TraceID().String() + "-" + s.SpanID().String() + "-" + s.TraceFlags().String()
}

// TraceID is the name of a flow that was written down.
func TraceID(text string) string {
	if match := written.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return text
}

// In makes ctx part of a flow that was written down, unless it is already. What is no
// flow changes nothing.
func In(ctx context.Context, text string) context.Context {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() && s.TraceID().String() == TraceID(text) {
		return ctx
	}
	if bare.MatchString(text) {
		text += "-" + text[16:] + "-00"
	}
	// Ours, and so not remote: whether it is traced was decided when it began.
	in := trace.SpanContextFromContext(Heard(context.Background(), "00-"+text))
	if !in.IsValid() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, in.WithRemote(false))
}

// Heard makes ctx part of the flow that a traceparent names, if it names one.
func Heard(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{Header: traceparent})
}

// New makes ctx part of a flow that begins here.
func New(ctx context.Context) context.Context {
	var c trace.SpanContextConfig
	rand.Read(c.TraceID[:])
	rand.Read(c.SpanID[:])
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(c))
}

// Parent is the traceparent of what ctx is part of; "" for nothing.
func Parent(ctx context.Context) string {
	if text := Of(ctx); text != "" {
		return "00-" + text
	}
	return ""
}

// Start begins a span in a flow that was written down. Where ctx is part of another one,
// the span is linked with that.
func Start(ctx context.Context, tracer trace.Tracer, text, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	in := In(ctx, text)
	if before := trace.SpanContextFromContext(ctx); before.IsValid() && before.TraceID() != trace.SpanContextFromContext(in).TraceID() {
		o = append(o, trace.WithLinks(trace.Link{SpanContext: before}))
	}
	return tracer.Start(in, name, o...)
}

// End ends a span with what came of it.
func End(span trace.Span, err error) {
	if err != nil && span.IsRecording() {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
