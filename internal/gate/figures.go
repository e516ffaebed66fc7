package gate

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

type figures struct {
	decisions *prometheus.CounterVec
	failures  *prometheus.CounterVec
}

func newFigures(to prometheus.Registerer) figures {
	f := figures{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontrow_gate_decisions_total", Help: "Requests before a shop, by what became of them, or would have where the run is dry.",
		}, []string{"show", "decision", "dry_run"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontrow_proxy_upstream_failures_total", Help: "Requests that a shop behind the reverse proxy did not answer.",
		}, []string{"show", "code"}),
	}
	to.MustRegister(f.decisions, f.failures)
	return f
}

func (f figures) count(v Verdict) {
	dry := v.Route != nil && v.Route.DryRun
	f.decisions.WithLabelValues(v.Show(), string(v.Decision), strconv.FormatBool(dry)).Inc()
}
