package flow

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	id   = "0af7651916cd43dd8448eb211c80319c"
	span = "b7ad6b7169203331"
)

func TestAFlowIsWrittenDownAndGoesOn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		id + "-" + span + "-01": "00-" + id + "-" + span + "-01",
		id + "-" + span + "-00": "00-" + id + "-" + span + "-00",
		id:                      "00-" + id + "-" + id[16:] + "-00",
		"":                      "",
		"trace-1":               "",
		id + "-" + span:         "",
		id[1:]:                  "",
		"00000000000000000000000000000000-" + span + "-01": "",
	} {
		ctx := In(t.Context(), text)
		if got := Parent(ctx); got != want {
			t.Errorf("%q goes on as %q, want %q", text, got, want)
		}
		if want != "" && Of(ctx) != want[3:] {
			t.Errorf("%q is written as %q", text, Of(ctx))
		}
		if want != "" && TraceID(text) != id {
			t.Errorf("%q has the trace id %q", text, TraceID(text))
		}
	}
	if got := TraceID("trace-1"); got != "trace-1" {
		t.Errorf("what is no flow has the trace id %q", got)
	}
}

// Whoever is in the flow already stays in the span that it is in.
func TestAFlowIsNotEnteredTwice(t *testing.T) {
	t.Parallel()
	ctx := In(t.Context(), id+"-"+span+"-01")
	if got := Of(In(ctx, id+"-0000000000000001-01")); got != id+"-"+span+"-01" {
		t.Errorf("is in %s", got)
	}
	other := "1" + id[1:]
	next, _ := Start(ctx, noop.NewTracerProvider().Tracer(""), other, "next")
	if got := trace.SpanContextFromContext(next).TraceID().String(); got != other {
		t.Errorf("goes on in %s, want %s", got, other)
	}
}
