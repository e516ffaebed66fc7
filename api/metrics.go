package api

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"frontrow/booking"
	"frontrow/queue"
)

func (a *API) registerMetrics() {
	a.requests = &durations{vec: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "frontrow_http_request_duration_seconds",
		Help:    "How long requests took, by method, route and status.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	}, []string{"method", "route", "status"})}
	a.Registry.MustRegister(a.requests.vec, &showMetrics{a})
}

// durations are the histograms of requests, found again without the cost of their
// labels: a poll is answered in some microseconds.
type durations struct {
	vec   *prometheus.HistogramVec
	mu    sync.RWMutex
	known map[durationKey]prometheus.Observer
}

type durationKey struct {
	method, route string
	status        int
}

func (d *durations) of(method, route string, status int) prometheus.Observer {
	if route == "" {
		method, route = "any", "none" // whatever people try must not make up labels
	}
	key := durationKey{method, route, status}
	d.mu.RLock()
	known, ok := d.known[key]
	d.mu.RUnlock()
	if ok {
		return known
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[durationKey]prometheus.Observer{}
	}
	d.known[key] = d.vec.WithLabelValues(method, route, strconv.Itoa(status))
	return d.known[key]
}

func (a *API) metrics() gin.HandlerFunc {
	return gin.WrapH(promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{}))
}

// showMetrics tells, per show, what the admin's stats tell. It reads the views that
// the gateway has anyway: a scrape costs Redis nothing.
type showMetrics struct{ api *API }

func showMetric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("frontrow_"+name, help, append([]string{"show"}, labels...), nil)
}

var (
	queueWaiting    = showMetric("queue_waiting", "Visitors who keep a place in line.")
	queuePresent    = showMetric("queue_present", "Visitors in line who are there.")
	queueAway       = showMetric("queue_away", "Visitors who were called and may come back.")
	queueActive     = showMetric("queue_active", "Visitors inside.")
	queueMaxActive  = showMetric("queue_max_active", "Most visitors inside at a time.")
	queueServed     = showMetric("queue_served", "Most visitors inside for the seats that are left; missing where no rule asks.")
	queueHolding    = showMetric("queue_holding", "Visitors inside who hold seats.")
	queueSoldOut    = showMetric("queue_sold_out", "1 while everything is sold and nothing is held.")
	queueListed     = showMetric("queue_listed", "Visitors on the waiting list.")
	queuePaused     = showMetric("queue_paused", "1 while the operator lets nobody in.")
	queueRecovering = showMetric("queue_recovering", "1 while places are put back after Redis was lost.")
	queueRate       = showMetric("queue_admitted_per_second", "Visitors let in per second of late, while others waited.")
	queueWait       = showMetric("queue_wait_seconds", "How long those who were let in had waited.", "quantile")
	queueForetold   = showMetric("queue_eta_inside_ratio", "Share of those let in who waited as foretold when they joined.")
	queueHasty      = showMetric("queue_hasty_polls_total", "Polls that came more than twice as fast as any were told, at this gateway.")
	queueSlowed     = showMetric("queue_slowed_polls_total", "Of those, polls that were refused: far too many.")
	queueEpoch      = showMetric("queue_epoch", "Grows whenever Redis was lost, or another master took a room over.")
	queueVisitors   = showMetric("queue_visitors_total", "What became of visitors since the show opened.", "outcome")
	seatsByState    = showMetric("seats", "Seats by state, as the door has them.", "state")
)

// Describe implements prometheus.Collector.
func (m *showMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		queueWaiting, queuePresent, queueAway, queueActive, queueMaxActive, queueServed, queueHolding, queueSoldOut, queueListed, queuePaused,
		queueRecovering, queueRate, queueWait, queueForetold, queueEpoch, queueVisitors, queueHasty, queueSlowed, seatsByState,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *showMetrics) Collect(out chan<- prometheus.Metric) {
	for _, show := range m.api.Catalogue.All() {
		if show.Phase == booking.PhaseDraft {
			continue
		}
		if room, err := m.api.Queue.Room(show.ID); err == nil {
			if s, ok := room.Figures(); ok {
				collectQueue(out, s)
			}
		}
		if states, err := m.api.Store.SeatStates(context.Background(), show); err == nil {
			free, held, sold := states.Count()
			for state, n := range map[string]int{"free": free, "held": held, "sold": sold} {
				out <- prometheus.MustNewConstMetric(seatsByState, prometheus.GaugeValue, float64(n), show.ID, state)
			}
		}
	}
}

func collectQueue(out chan<- prometheus.Metric, s queue.Stats) {
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, s.Show)
	}
	flag := func(d *prometheus.Desc, on bool) {
		if on {
			gauge(d, 1)
		} else {
			gauge(d, 0)
		}
	}
	gauge(queueWaiting, float64(s.Waiting))
	gauge(queuePresent, float64(s.Present))
	gauge(queueAway, float64(s.Away))
	gauge(queueActive, float64(s.Totals.Active))
	gauge(queueMaxActive, float64(s.MaxActive))
	gauge(queueListed, float64(s.Listed))
	gauge(queueHolding, float64(s.Holding))
	if s.Served >= 0 {
		gauge(queueServed, float64(s.Served))
	}
	flag(queueSoldOut, s.SoldOut)
	gauge(queueRate, s.Rate)
	gauge(queueEpoch, float64(s.Epoch))
	flag(queuePaused, s.Paused)
	flag(queueRecovering, s.Recovering)
	if s.Waits.Count > 0 {
		for quantile, wait := range map[string]time.Duration{"0.5": s.Waits.P50, "0.9": s.Waits.P90} {
			out <- prometheus.MustNewConstMetric(queueWait, prometheus.GaugeValue, wait.Seconds(), s.Show, quantile)
		}
	}
	if s.Waits.Foretold > 0 {
		gauge(queueForetold, s.Waits.InsideRatio())
	}
	for desc, n := range map[*prometheus.Desc]int64{queueHasty: s.Hasty, queueSlowed: s.Slowed} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), s.Show)
	}
	t := s.Totals
	for outcome, n := range map[string]int64{
		"joined": t.Joined, "admitted": t.Admitted, "claimed": t.Claimed, "missed": t.Missed,
		"left": t.Left, "left_waiting": t.LeftWaiting, "expired": t.Expired,
		"expired_waiting": t.ExpiredWaiting, "finished": t.Finished,
	} {
		out <- prometheus.MustNewConstMetric(queueVisitors, prometheus.CounterValue, float64(n), s.Show, outcome)
	}
}
