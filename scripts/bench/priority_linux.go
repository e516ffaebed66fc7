package main

import (
	"context"
	"strconv"
	"syscall"
)

// hurried is the priority that Redis gets where its slow log is judged: on a machine of
// few cores the log counts as a script's what the scheduler gave to others meanwhile.
const hurried = -10

// hurry raises the priority of Redis's main thread, and tells whether it could: only
// root may, and only a Redis on this machine can be reached.
func (s *servers) hurry(ctx context.Context) bool {
	info, err := s.info(ctx, "server")
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(info["process_id"])
	return err == nil && firstLine("/proc/"+info["process_id"]+"/comm") == "redis-server" &&
		syscall.Setpriority(syscall.PRIO_PROCESS, pid, hurried) == nil
}
