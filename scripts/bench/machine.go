package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine is where a run took place, and what ran there.
type machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	Redis    string `json:"redis"`
	Database string `json:"database"`
	Commit   string `json:"commit"`
	Hurried  bool   `json:"redis_first"` // Redis had priority in the sale and the admissions
}

func (m machine) String() string {
	priority := ""
	if m.Hurried {
		priority = " (with priority in the sale and the admissions)"
	}
	return fmt.Sprintf("%s, %d cores, %s %s; %s, Redis %s%s, %s; commit %s",
		m.CPU, m.Cores, runtime.GOOS, m.Kernel, m.Go, m.Redis, priority, databaseName(m.Database), m.Commit)
}

// describe says where the servers run. What this machine does not tell is "unknown".
func (s *servers) describe(ctx context.Context) (machine, error) {
	m := machine{CPU: cpu(), Cores: runtime.NumCPU(), Kernel: firstLine("/proc/sys/kernel/osrelease"), Commit: commit()}
	built, err := buildinfo.ReadFile(s.gateway)
	if err != nil {
		return m, err
	}
	m.Go = built.GoVersion
	info, err := s.info(ctx, "server")
	if err != nil {
		return m, err
	}
	m.Redis = info["redis_version"]
	return m, s.db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&m.Database)
}

// info reads a section of Redis's INFO.
func (s *servers) info(ctx context.Context, section string) (map[string]string, error) {
	text, err := s.redis.Info(ctx, section).Result()
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

const unknown = "unknown"

func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return unknown
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// commit is that of the source, with a + where the source differs from it.
func commit() string {
	hash, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return unknown
	}
	text := strings.TrimSpace(string(hash))
	if changes, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(changes) > 0 {
		text += "+"
	}
	return text
}
