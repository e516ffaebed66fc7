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
	return around(db, "telemetry", func(tx *gorm.DB) { tx.InstanceSet(startedKey, time.Now()) }, s.note)
}

// around has before and after called around every statement.
func around(db *gorm.DB, name string, before, after func(*gorm.DB)) error {
	c, first, last := db.Callback(), "frontrow:before_"+name, "frontrow:after_"+name
	return errors.Join(
		c.Create().Before("gorm:create").Register(first, before),
		c.Create().After("gorm:create").Register(last, after),
		c.Query().Before("gorm:query").Register(first, before),
		c.Query().After("gorm:query").Register(last, after),
		c.Update().Before("gorm:update").Register(first, before),
		c.Update().After("gorm:update").Register(last, after),
		c.Delete().Before("gorm:delete").Register(first, before),
		c.Delete().After("gorm:delete").Register(last, after),
		c.Row().Before("gorm:row").Register(first, before),
		c.Row().After("gorm:row").Register(last, after),
		c.Raw().Before("gorm:raw").Register(first, before),
		c.Raw().After("gorm:raw").Register(last, after),
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
