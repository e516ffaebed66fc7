package telemetry

import (
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"frontrow/internal/flow"
)

// SQLSpans makes a span of each statement that gorm sends as part of a flow: the text,
// never the values. It is a plugin for the database's Use.
type SQLSpans struct{ tracer trace.Tracer }

// SQLSpans are those of a Tracing.
func (t *Tracing) SQLSpans() *SQLSpans {
	return &SQLSpans{t.Tracer("frontrow/internal/telemetry")}
}

// Name implements gorm.Plugin.
func (s *SQLSpans) Name() string { return "frontrow:tracing" }

// Initialize implements gorm.Plugin.
func (s *SQLSpans) Initialize(db *gorm.DB) error { return around(db, "tracing", s.begin, s.end) }

const spanKey = "frontrow:span"

func (s *SQLSpans) begin(tx *gorm.DB) {
	if ctx := tx.Statement.Context; trace.SpanFromContext(ctx).IsRecording() {
		_, span := s.tracer.Start(ctx, "sql", trace.WithSpanKind(trace.SpanKindClient))
		tx.InstanceSet(spanKey, span)
	}
}

func (s *SQLSpans) end(tx *gorm.DB) {
	kept, ok := tx.InstanceGet(spanKey)
	if !ok {
		return
	}
	span, text := kept.(trace.Span), tx.Statement.SQL.String()
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	span.SetName("sql " + strings.ToLower(word))
	span.SetAttributes(attribute.String("db.query.text", text), attribute.Int64("db.rows", tx.RowsAffected))
	err := tx.Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = nil
	}
	flow.End(span, err)
}
