package testenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Freeze stops the server's processor time (SIGSTOP): it answers nothing, and its
// connections stay. Only a server that is a process of this machine can be frozen.
func (s *RedisServer) Freeze() { s.t.Helper(); must(s.t, freeze(s.server)) }

// Thaw lets a frozen server go on as if nothing had been.
func (s *RedisServer) Thaw() { s.t.Helper(); must(s.t, thaw(s.server)) }

// Addr is host and port of the server.
func (s *RedisServer) Addr() string {
	return strings.TrimSuffix(strings.TrimPrefix(s.url, "redis://"), "/0")
}

// processRedis starts a Redis of the installed program alone: the nodes of a cluster, and
// Sentinels, must reach each other by the addresses that they tell clients.
func processRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	args = append(append([]string{""}, redisArgs...), args...)
	w := way{"installed", 3, func() (engine, string, error) { return redisProcess(args) }}
	server, url, err := w.start()
	must(t, err)
	t.Cleanup(server.discard)
	return &RedisServer{t: t, server: server, url: url}
}

// RedisCluster is a Redis Cluster of three masters, Nodes[0] to Nodes[2], with a replica
// each, Nodes[3] to Nodes[5], at first. Each master has a third of the slots.
type RedisCluster struct {
	t       testing.TB
	Nodes   []*RedisServer
	clients []*redis.Client
}

// nodeTimeout is after what silence a node of the cluster counts as dead.
const nodeTimeout = 2 * time.Second

// OwnRedisCluster starts a cluster for this test, with further arguments for each node. It
// is gone with the test.
func OwnRedisCluster(t testing.TB, args ...string) *RedisCluster {
	t.Helper()
	c := &RedisCluster{t: t}
	for range 6 {
		bus, err := freePort()
		must(t, err)
		c.Nodes = append(c.Nodes, processRedis(t, append([]string{
			"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--cluster-node-timeout", strconv.FormatInt(nodeTimeout.Milliseconds(), 10),
			"--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
		}, args...)...))
		node := c.Client(len(c.Nodes) - 1)
		must(t, node.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", len(c.Nodes)).Err())
		if k := len(c.Nodes) - 1; k < 3 {
			must(t, node.ClusterAddSlotsRange(t.Context(), k*5462, min((k+1)*5462, 16384)-1).Err())
		}
		if len(c.Nodes) > 1 {
			_, port, _ := strings.Cut(c.Nodes[0].Addr(), ":")
			first := strings.Fields(c.line(0))[1] // 127.0.0.1:port@bus
			_, firstBus, _ := strings.Cut(first, "@")
			firstBus, _, _ = strings.Cut(firstBus, ",")
			must(t, node.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", port, firstBus).Err())
		}
	}
	Wait(t, 20*time.Second, func() bool { return c.all(func(s string) bool { return strings.Count(s, "\n") == 6 }) }, "the nodes do not meet")
	for k := range 3 {
		id := c.ID(k)
		Wait(t, 10*time.Second, func() bool { return c.Client(k+3).ClusterReplicate(t.Context(), id).Err() == nil }, "node %d does not become a replica", k+3)
	}
	Wait(t, 20*time.Second, func() bool {
		return c.all(func(s string) bool { return strings.Count(s, "slave") == 3 && !strings.Contains(s, "fail") }) && c.inSync()
	}, "the cluster does not come up")
	return c
}

// Client asks one node and no other.
func (c *RedisCluster) Client(k int) *redis.Client {
	for len(c.clients) <= k {
		c.clients = append(c.clients, plainClient(c.t, c.Nodes[len(c.clients)].url))
	}
	return c.clients[k]
}

// all asks every node for what it knows of the nodes.
func (c *RedisCluster) all(holds func(nodes string) bool) bool {
	for k := range c.Nodes {
		text, err := c.Client(k).ClusterNodes(c.t.Context()).Result()
		if err != nil || !holds(text) {
			return false
		}
	}
	return true
}

func (c *RedisCluster) inSync() bool {
	for k := range 3 {
		info, err := c.Client(k+3).Info(c.t.Context(), "replication").Result()
		state := c.Client(k).ClusterInfo(c.t.Context()).Val()
		if err != nil || !strings.Contains(info, "master_link_status:up") || !strings.Contains(state, "cluster_state:ok") {
			return false
		}
	}
	return true
}

// line is what a node says of itself.
func (c *RedisCluster) line(k int) string {
	c.t.Helper()
	text, err := c.Client(k).ClusterNodes(c.t.Context()).Result()
	must(c.t, err)
	for line := range strings.Lines(text) {
		if strings.Contains(line, "myself") {
			return line
		}
	}
	c.t.Fatalf("node %d does not know itself: %s", k, text)
	return ""
}

// ID is what the cluster calls a node.
func (c *RedisCluster) ID(k int) string { c.t.Helper(); return strings.Fields(c.line(k))[0] }

// IsMaster tells whether a node serves slots; one that does not answer does not.
func (c *RedisCluster) IsMaster(k int) bool {
	text, err := c.Client(k).ClusterNodes(c.t.Context()).Result()
	if err != nil {
		return false
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "myself,master") {
			return true
		}
	}
	return false
}

// URL names all nodes, as FRONTROW_REDIS_URL takes it.
func (c *RedisCluster) URL() string {
	var hosts []string
	for _, n := range c.Nodes {
		hosts = append(hosts, n.Addr())
	}
	return "redis-cluster://" + strings.Join(hosts, ",")
}

// Sentinels are three Sentinels that watch a master, Nodes[0] at first, with two replicas.
type Sentinels struct {
	t     testing.TB
	Nodes []*RedisServer
	nodes []*redis.Client
	at    []string
	asks  *redis.SentinelClient
}

// sentinelMaster is what the Sentinels call what they watch.
const sentinelMaster = "sale"

// OwnSentinels starts them for this test; a master that is silent for a second and a half
// is down. They are gone with the test.
func OwnSentinels(t testing.TB, args ...string) *Sentinels {
	t.Helper()
	s := &Sentinels{t: t}
	s.Nodes = append(s.Nodes, processRedis(t, append([]string{"--repl-diskless-sync-delay", "0"}, args...)...))
	host, port, _ := strings.Cut(s.Nodes[0].Addr(), ":")
	for range 2 {
		s.Nodes = append(s.Nodes, processRedis(t, append([]string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"}, args...)...))
	}
	for _, node := range s.Nodes {
		s.nodes = append(s.nodes, plainClient(t, node.url))
	}
	for range 3 {
		s.at = append(s.at, startSentinel(t, fmt.Sprintf("sentinel monitor %[1]s %s %s 2\nsentinel down-after-milliseconds %[1]s 1500\nsentinel failover-timeout %[1]s 6000\n", sentinelMaster, host, port)))
	}
	var all []*redis.SentinelClient
	for _, at := range s.at {
		c := redis.NewSentinelClient(&redis.Options{Addr: at, MaxRetries: -1})
		t.Cleanup(func() { _ = c.Close() })
		all = append(all, c)
	}
	s.asks = all[0]
	Wait(t, 30*time.Second, func() bool {
		for _, c := range all {
			knows, err := c.Master(t.Context(), sentinelMaster).Result()
			if err != nil || knows["num-slaves"] != "2" || knows["num-other-sentinels"] != "2" || knows["flags"] != "master" {
				return false
			}
		}
		return true
	}, "the Sentinels do not find each other")
	return s
}

func startSentinel(t testing.TB, config string) string {
	t.Helper()
	path, err := program("redis-server", "valkey-server")
	must(t, err)
	port, err := freePort()
	must(t, err)
	dir, err := scratchDir("sentinel")
	must(t, err)
	file := filepath.Join(dir, "sentinel.conf")
	must(t, os.WriteFile(file, []byte("bind 127.0.0.1\nport "+strconv.Itoa(port)+"\ndir "+dir+"\n"+config), 0o600))
	at := localAddr(port)
	p := &process{program: path, dir: dir, args: []string{file, "--sentinel"}, answers: func(*run) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c := redis.NewSentinelClient(&redis.Options{Addr: at, MaxRetries: -1})
		defer func() { _ = c.Close() }()
		return c.Ping(ctx).Err()
	}}
	t.Cleanup(p.discard)
	must(t, p.start())
	return at
}

// Master is the address of the master, as the first Sentinel has it.
func (s *Sentinels) Master() string {
	at, err := s.asks.GetMasterAddrByName(s.t.Context(), sentinelMaster).Result()
	if err != nil || len(at) != 2 {
		return ""
	}
	return at[0] + ":" + at[1]
}

// IsReplica tells whether a node takes itself for a replica.
func (s *Sentinels) IsReplica(k int) bool {
	info, err := s.nodes[k].Info(s.t.Context(), "replication").Result()
	return err == nil && strings.Contains(info, "role:slave")
}

// URL names the Sentinels and their master, as FRONTROW_REDIS_URL takes it.
func (s *Sentinels) URL() string {
	return "redis-sentinel://" + strings.Join(s.at, ",") + "/" + sentinelMaster
}
