package events

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are what this gateway's tries came to.
type counts struct {
	tries   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newCounts() counts {
	return counts{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontrow_delivery_tries_total", Help: "Times that a listener was told of an event, by how it went: done, failed or dead.",
		}, []string{"listener", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontrow_delivery_duration_seconds", Help: "How long calls of a listener took.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"listener"}),
	}
}

func (c counts) ended(listener, outcome string) { c.tries.WithLabelValues(listener, outcome).Inc() }
func (c counts) took(listener string, took time.Duration) {
	c.seconds.WithLabelValues(listener).Observe(took.Seconds())
}

var (
	openDeliveries = prometheus.NewDesc("frontrow_deliveries_open", "Deliveries of events that are not done.", []string{"listener"}, nil)
	deadDeliveries = prometheus.NewDesc("frontrow_deliveries_dead", "Deliveries that were given up: dead letters.", []string{"listener"}, nil)
	deliveriesLag  = prometheus.NewDesc("frontrow_deliveries_lag_seconds", "Age of the oldest open delivery.", []string{"listener"}, nil)
)

// Describe implements prometheus.Collector.
func (d *Dispatcher) Describe(out chan<- *prometheus.Desc) {
	d.counts.tries.Describe(out)
	d.counts.seconds.Describe(out)
	out <- openDeliveries
	out <- deadDeliveries
	out <- deliveriesLag
}

// Collect implements prometheus.Collector. For how far each listener is behind it asks
// the database, of listeners that only other gateways know too; a scrape that finds it
// away leaves that out.
func (d *Dispatcher) Collect(out chan<- prometheus.Metric) {
	d.counts.tries.Collect(out)
	d.counts.seconds.Collect(out)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	backlogs, err := d.store.Backlogs(ctx)
	if err != nil {
		return
	}
	behind := map[string][3]float64{}
	for _, name := range d.names {
		behind[name] = [3]float64{} // a listener that is not behind is at 0, not absent
	}
	for _, b := range backlogs {
		lag := 0.0
		if b.Oldest > 0 {
			lag = max(0, float64(d.store.Now()-b.Oldest)/1e6)
		}
		behind[b.Listener] = [3]float64{float64(b.Open), float64(b.Dead), lag}
	}
	for name, figures := range behind {
		for i, desc := range []*prometheus.Desc{openDeliveries, deadDeliveries, deliveriesLag} {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, figures[i], name)
		}
	}
}
