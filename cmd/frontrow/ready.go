package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// readyCommand is for containers and units, which have no curl.
type readyCommand struct {
	Listen    string `env:"FRONTROW_LISTEN" default:"127.0.0.1:8080" help:"Address of the gateway."`
	OpsListen string `name:"ops-listen" env:"FRONTROW_OPS_LISTEN" help:"Its separate address for /readyz, if it has one." placeholder:"ADDRESS"`
}

// askFor is how long the gateway may take to answer; it gives Redis and MySQL two seconds.
const askFor = 3 * time.Second

// Run fails unless the gateway says that it is ready.
func (r *readyCommand) Run(ctx context.Context, to console) error {
	address, err := dialable(cmp.Or(r.OpsListen, r.Listen))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(string(body)))
	}
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	_, err = fmt.Fprintln(to.out, "ready")
	return err
}

// dialable is where to reach, on this machine, what listens at an address: who listens
// everywhere listens on the loopback too.
func dialable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("FRONTROW_LISTEN and FRONTROW_OPS_LISTEN must be host:port: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}
