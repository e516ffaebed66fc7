package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// dockerWithin bounds what is asked of Docker: the first answer, which is all
// that machines without an engine wait for, and work, which may pull an image.
const (
	dockerAnswersWithin = 3 * time.Second
	dockerWorksWithin   = 5 * time.Minute
)

// docker says, once per process, why no Docker engine can be used; nil: one can.
var docker = sync.OnceValue(func() (err error) {
	defer func() { // the library panics where it finds no engine at all
		if r := recover(); r != nil {
			err = fmt.Errorf("no Docker engine: %w", errAbsent)
		}
	}()
	provider, err := testcontainers.ProviderDefault.GetProvider()
	if err != nil {
		return fmt.Errorf("no Docker engine: %w", errAbsent)
	}
	defer func() { _ = provider.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), dockerAnswersWithin)
	defer cancel()
	if err := provider.Health(ctx); err != nil {
		return fmt.Errorf("the Docker engine does not answer: %w", err)
	}
	return nil
})

// dockerContainer is an engine that runs in a container. Its port on the host is
// chosen here, since Docker would choose another at each start.
type dockerContainer struct {
	run     func(ctx context.Context, opts ...testcontainers.ContainerCustomizer) (testcontainers.Container, error)
	port    string // inside, as in "6379/tcp"
	host    int    // the port outside
	answers func(ctx context.Context) error
	inner   testcontainers.Container
}

// dockerAddr takes a port and returns where containers on it will answer.
func dockerAddr() (addr string, port int, err error) {
	if err := docker(); err != nil {
		return "", 0, err
	}
	if port, err = freePort(); err != nil {
		return "", 0, err
	}
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return "", 0, fmt.Errorf("ask Docker for its host: %w", err)
	}
	defer func() { _ = provider.Close() }()
	host, err := provider.DaemonHost(context.Background())
	if err != nil {
		return "", 0, fmt.Errorf("ask Docker for its host: %w", err)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), port, nil
}

func (c *dockerContainer) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), dockerWorksWithin)
	defer cancel()
	var err error
	if c.inner == nil {
		c.inner, err = c.run(ctx, testcontainers.WithHostConfigModifier(c.bindPort))
	} else {
		err = c.inner.Start(ctx)
	}
	if err != nil {
		return fmt.Errorf("start container: %w", err)
	}
	if !poll(startWithin, func() bool { err = c.answers(ctx); return err == nil }) {
		return fmt.Errorf("container does not answer: %w", err)
	}
	return nil
}

func (c *dockerContainer) bindPort(config *container.HostConfig) {
	config.PortBindings = network.PortMap{
		network.MustParsePort(c.port): {{HostPort: strconv.Itoa(c.host)}},
	}
}

func (c *dockerContainer) stop() error {
	within := stopWithin
	if err := c.inner.Stop(context.Background(), &within); err != nil {
		return fmt.Errorf("stop container: %w", err)
	}
	return nil
}

// kill ends the container's process with SIGKILL, which testcontainers has no
// call for.
func (c *dockerContainer) kill() error {
	ctx, cancel := context.WithTimeout(context.Background(), dockerWorksWithin)
	defer cancel()
	cli, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("kill container: %w", err)
	}
	defer func() { _ = cli.Close() }()
	id := c.inner.GetContainerID()
	if _, err := cli.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"}); err != nil {
		return fmt.Errorf("kill container: %w", err)
	}
	gone := poll(stopWithin, func() bool {
		state, err := c.inner.State(ctx)
		return err == nil && !state.Running
	})
	if !gone {
		return fmt.Errorf("container %s runs on after SIGKILL", id)
	}
	return nil
}

func (c *dockerContainer) discard() {
	if c.inner != nil {
		_ = testcontainers.TerminateContainer(c.inner, testcontainers.StopTimeout(0))
	}
}

// image returns the image that the environment names, or the one pinned here.
func image(variable, pinned string) string {
	if named := os.Getenv(variable); named != "" {
		return named
	}
	return pinned
}
