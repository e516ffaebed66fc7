package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

type serveCommand struct {
	gatewayConfig
}

// Run serves until ctx ends.
func (s *serveCommand) Run(ctx context.Context, to console) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	level, err := logLevel(s.LogLevel)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	log := newLogger(to.err, level)
	g, err := newGateway(ctx, s.gatewayConfig, log)
	if err != nil {
		return err
	}
	defer g.Close()
	if g.embedded != nil {
		fmt.Fprintf(to.out, "Frontrow runs on the embedded Redis and database in %s\n", g.embedded.dir)
		if s.AdminToken == "" {
			fmt.Fprintf(to.out, "  admin token  %s\n", g.config.AdminToken)
		}
	}
	fmt.Fprintf(to.out, "  look at      %s\n", g.URL())
	return g.Run(ctx)
}

// collectAt is how much the heap may grow before it is collected, in percent, unless GOGC
// says otherwise: a gateway keeps some MB and makes as much anew with every thousand
// polls, so at Go's 100 it would collect several times a second.
const collectAt = 400

// newLogger writes JSON for machines, and lines for people at a terminal.
func newLogger(to io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if file, ok := to.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return slog.New(slog.NewTextHandler(to, options))
		}
	}
	return slog.New(slog.NewJSONHandler(to, options))
}

func logLevel(text string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(text))); err != nil {
		return level, fmt.Errorf("FRONTROW_LOG_LEVEL must be debug, info, warn or error, not %q", text)
	}
	return level, nil
}

type versionCommand struct{}

// version is set by the release build.
var version = "dev"

// Run prints version, commit and Go.
func (versionCommand) Run(to console) error {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	_, err := fmt.Fprintf(to.out, "frontrow %s, commit %s, %s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
