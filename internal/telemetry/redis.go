// Package telemetry counts and times what the gateway asks of Redis and of the
// database, for /metrics.
package telemetry

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Redis counts and times the commands that a client sends. Commands within scripts
// are Redis's own and not counted.
type Redis struct {
	commands *prometheus.HistogramVec
	errors   prometheus.Counter
}

// buckets of a request to a server nearby, in seconds.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}

// NewRedis registers the metrics; the hook goes to the client's AddHook.
func NewRedis(registry prometheus.Registerer) *Redis {
	r := &Redis{
		commands: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontrow_redis_command_duration_seconds", Help: "How long commands to Redis took, by command.", Buckets: buckets,
		}, []string{"command"}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "frontrow_redis_errors_total", Help: "Commands that Redis refused, or that did not reach it.",
		}),
	}
	registry.MustRegister(r.commands, r.errors)
	return r
}

var _ redis.Hook = (*Redis)(nil)

// DialHook implements redis.Hook; connections are not counted.
func (r *Redis) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (r *Redis) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		start := time.Now()
		err := next(ctx, cmd)
		r.note(cmd, time.Since(start))
		return err
	}
}

// ProcessPipelineHook implements redis.Hook. Each command of a pipeline counts, with
// the time of the whole.
func (r *Redis) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		start := time.Now()
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			r.note(cmd, time.Since(start))
		}
		return err
	}
}

func (r *Redis) note(cmd redis.Cmder, took time.Duration) {
	r.commands.WithLabelValues(cmd.Name()).Observe(took.Seconds())
	if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		r.errors.Inc()
	}
}
