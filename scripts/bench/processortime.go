package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticksPerSecond is the unit of /proc/<pid>/stat on every Linux that Go runs on.
const ticksPerSecond = 100

// processorTime is how long the parts of a sale have run on a processor, in seconds:
// the database, the gateways, and Redis. Only where /proc tells.
func (b *bench) processorTime(ctx context.Context) (map[string]float64, error) {
	var pidFile string
	if err := b.db.QueryRowContext(ctx, "SELECT @@pid_file").Scan(&pidFile); err != nil {
		return nil, err
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		return nil, fmt.Errorf("the database is not on this machine: %w", err)
	}
	database, err := ranFor(strings.TrimSpace(string(pid)))
	if err != nil {
		return nil, err
	}
	gateways := 0.0
	for _, g := range b.gateways {
		t, err := ranFor(strconv.Itoa(g.process.cmd.Process.Pid))
		if err != nil {
			return nil, err
		}
		gateways += t
	}
	info, err := b.redis.InfoMap(ctx, "server").Result()
	if err != nil {
		return nil, err
	}
	redis, err := ranFor(info["Server"]["process_id"])
	return map[string]float64{"the database": database, "the gateways": gateways, "Redis": redis}, err
}

// ranFor reads how long a process has run on a processor, in seconds.
func ranFor(pid string) (float64, error) {
	raw, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, err
	}
	_, behind, _ := strings.Cut(string(raw), ") ") // the name may have blanks
	fields := strings.Fields(behind)
	if len(fields) < 13 {
		return 0, fmt.Errorf("process %s: %q", pid, raw)
	}
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	return (user + system) / ticksPerSecond, err
}
