package telemetry

import (
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"
)

// SQL counts and times the statements that gorm sends, by their first word.
type SQL struct {
	statements *prometheus.HistogramVec
	errors     prometheus.Counter
}

// NewSQL registers the metrics; the plugin goes to the database's Use.
func NewSQL(registry prometheus.Registerer) *SQL {
	s := &SQL{
		statements: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontrow_sql_statement_duration_seconds", Help: "How long SQL statements took, by first word.", Buckets: buckets,
		}, []string{"statement"}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "frontrow_sql_errors_total", Help: "SQL statements that failed.",
		}),
	}
	registry.MustRegister(s.statements, s.errors)
	return s
}

// Name implements gorm.Plugin.
func (s *SQL) Name() string { return "frontrow:telemetry" }

const startedKey = "frontrow:started"

// Initialize implements gorm.Plugin.
func (s *SQL) Initialize(db *gorm.DB) error {
	before := func(tx *gorm.DB) { tx.InstanceSet(startedKey, time.Now()) }
	c := db.Callback()
	return errors.Join(
		c.Create().Before("gorm:create").Register("frontrow:before_create", before),
		c.Create().After("gorm:create").Register("frontrow:after_create", s.note),
		c.Query().Before("gorm:query").Register("frontrow:before_query", before),
		c.Query().After("gorm:query").Register("frontrow:after_query", s.note),
		c.Update().Before("gorm:update").Register("frontrow:before_update", before),
		c.Update().After("gorm:update").Register("frontrow:after_update", s.note),
		c.Delete().Before("gorm:delete").Register("frontrow:before_delete", before),
		c.Delete().After("gorm:delete").Register("frontrow:after_delete", s.note),
		c.Row().Before("gorm:row").Register("frontrow:before_row", before),
		c.Row().After("gorm:row").Register("frontrow:after_row", s.note),
		c.Raw().Before("gorm:raw").Register("frontrow:before_raw", before),
		c.Raw().After("gorm:raw").Register("frontrow:after_raw", s.note),
	)
}

func (s *SQL) note(tx *gorm.DB) {
	word, _, _ := strings.Cut(strings.TrimSpace(tx.Statement.SQL.String()), " ")
	if started, ok := tx.InstanceGet(startedKey); ok && word != "" {
		s.statements.WithLabelValues(strings.ToLower(word)).Observe(time.Since(started.(time.Time)).Seconds())
	}
	if tx.Error != nil && !errors.Is(tx.Error, gorm.ErrRecordNotFound) {
		s.errors.Inc()
	}
}
