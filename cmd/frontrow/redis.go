package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisAt is where Redis is, in one of three forms; the others are nil.
type redisAt struct {
	single   *redis.Options
	cluster  *redis.ClusterOptions
	sentinel *redis.FailoverOptions
}

// redisForms are the schemes of FRONTROW_REDIS_URL; each has a form over TLS, with
// "rediss" in place of "redis".
const redisForms = "redis://host:port/db, redis-cluster://host:port,host:port or redis-sentinel://host:port,host:port/master"

// redisOptions reads a URL of Redis. What is wrong is said without the password.
func redisOptions(text string) (at redisAt, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	plain, kind, _ := strings.Cut(scheme, "-")
	switch {
	case plain != "redis" && plain != "rediss":
	case kind == "" && !strings.Contains(scheme, "-"):
		if at.single, err = redis.ParseURL(text); err != nil {
			return at, errors.New("FRONTROW_REDIS_URL is not a Redis URL, such as redis://user:pass@host:6379/0")
		}
		return at, nil
	case kind == "cluster":
		at.cluster, err = clusterOptions(plain, rest)
		return at, err
	case kind == "sentinel":
		at.sentinel, err = sentinelOptions(plain, rest)
		return at, err
	}
	return at, fmt.Errorf("FRONTROW_REDIS_URL must be %s, or the same with rediss", redisForms)
}

// severalHosts is what a URL of several hosts says: Go's own parser takes one.
type severalHosts struct {
	user, path string
	hosts      []string
	query      url.Values
}

func readSeveral(rest string) (s severalHosts, err error) {
	rest, query, _ := strings.Cut(rest, "?")
	if s.query, err = url.ParseQuery(query); err != nil {
		return s, errors.New("its query cannot be read")
	}
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		s.user, rest = rest[:i+1], rest[i+1:]
	}
	list, path, _ := strings.Cut(rest, "/")
	s.path = path
	for host := range strings.SplitSeq(list, ",") {
		if name, port, err := net.SplitHostPort(host); err != nil || name == "" || port == "" {
			return s, fmt.Errorf("%q is no host:port", host)
		}
		s.hosts = append(s.hosts, host)
	}
	return s, nil
}

// oneHost writes it down as go-redis's parsers take it.
func (s severalHosts) oneHost(plain string) string {
	s.query["addr"] = s.hosts[1:]
	return plain + "://" + s.user + s.hosts[0] + "?" + s.query.Encode()
}

func clusterOptions(plain, rest string) (*redis.ClusterOptions, error) {
	s, err := readSeveral(rest)
	if err == nil && s.path != "" && s.path != "0" {
		err = errors.New("a cluster has one database, 0")
	}
	if err != nil {
		return nil, fmt.Errorf("FRONTROW_REDIS_URL: %s-cluster://: %w", plain, err)
	}
	o, err := redis.ParseClusterURL(s.oneHost(plain))
	if err != nil {
		return nil, fmt.Errorf("FRONTROW_REDIS_URL is not a cluster's, such as %s-cluster://user:pass@h1:6379,h2:6379", plain)
	}
	return o, nil
}

// sentinelOptions has the user of the URL be Redis's; the Sentinels' own, if they ask for
// one, are the parameters sentinel_username and sentinel_password.
func sentinelOptions(plain, rest string) (*redis.FailoverOptions, error) {
	s, err := readSeveral(rest)
	if err == nil && (s.path == "" || strings.Contains(s.path, "/")) {
		err = errors.New("the path must be the master's name")
	}
	if err != nil {
		return nil, fmt.Errorf("FRONTROW_REDIS_URL: %s-sentinel://: %w", plain, err)
	}
	name, password := s.query.Get("sentinel_username"), s.query.Get("sentinel_password")
	s.query.Del("sentinel_username")
	s.query.Del("sentinel_password")
	s.query.Set("master_name", s.path)
	o, err := redis.ParseFailoverURL(s.oneHost(plain))
	if err != nil {
		return nil, fmt.Errorf("FRONTROW_REDIS_URL is not Sentinels', such as %s-sentinel://user:pass@h1:26379,h2:26379/master?db=0", plain)
	}
	o.Username, o.Password = o.SentinelUsername, o.SentinelPassword
	o.SentinelUsername, o.SentinelPassword = name, password
	return o, nil
}

// How long Redis may take: to be connected to, and to answer.
const (
	redisDials   = time.Second
	redisAnswers = 2 * time.Second
)

// idleConns stay open, so that a moment's crowding opens none.
const idleConns = 8

// slotsEvery is how often a gateway asks a cluster who serves which slot, beside what
// nodes tell it. A master that died tells nothing: at go-redis's minute, a show stood for
// as long after its replica had been promoted.
const slotsEvery = time.Second

// openRedis connects to Redis. Nothing is tried again behind the scripts' back: they
// say what may be. Only a cluster's client does, since it finds its way by that; each script
// bears being called twice.
func openRedis(text string) (redis.UniversalClient, error) {
	at, err := redisOptions(text)
	if err != nil {
		return nil, err
	}
	quietly := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch {
	case at.cluster != nil:
		o := at.cluster
		o.MaintNotificationsConfig, o.DialerRetries, o.DisableIdentity, o.MinIdleConns = quietly, 1, true, idleConns
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDials, redisAnswers, redisAnswers
		o.ClusterStateReloadInterval = slotsEvery
		o.ContextTimeoutEnabled = true  // tries again included
		o.DisableRoutingPolicies = true // PING and INFO of one node, and not of all: one may be dead
		return redis.NewClusterClient(o), nil
	case at.sentinel != nil:
		o := at.sentinel
		o.MaxRetries, o.DialerRetries, o.DisableIdentity, o.MinIdleConns = -1, 1, true, idleConns
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDials, redisAnswers, redisAnswers
		return redis.NewFailoverClient(o), nil
	}
	o := at.single
	o.MaintNotificationsConfig = quietly
	o.MaxRetries, o.DialerRetries, o.MinIdleConns = -1, 1, idleConns
	o.DisableIdentity = true // two commands less a connection
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDials, redisAnswers, redisAnswers
	return redis.NewClient(o), nil
}

// checkRedis refuses a Redis that may throw places or leases away. Nodes of a cluster that
// do not answer are left out, unless none does: one may be dead, and its replica take over.
func checkRedis(ctx context.Context, client redis.UniversalClient) error {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return checkPolicy(ctx, client)
	}
	err := cluster.ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error {
		if node.Ping(ctx).Err() != nil {
			return nil
		}
		return checkPolicy(ctx, node)
	})
	return errors.Join(err, pingRedis(ctx, client))
}

func checkPolicy(ctx context.Context, node redis.Cmdable) error {
	info, err := node.Info(ctx, "memory").Result()
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	for line := range strings.Lines(info) {
		policy, ok := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
		if ok && policy != "noeviction" {
			return fmt.Errorf("redis: maxmemory-policy is %s, which throws visitors' places away when memory is short; set it to noeviction", policy)
		}
	}
	return nil
}

// pingRedis asks whether Redis answers; of a cluster, whether a node does, as soon as one
// has: that the shows of another stand is no reason to answer nobody.
func pingRedis(ctx context.Context, client redis.UniversalClient) error {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return client.Ping(ctx).Err()
	}
	answered, asked := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		asked <- cluster.ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error {
			err := node.Ping(ctx).Err()
			if err == nil {
				select {
				case answered <- struct{}{}:
				default: // another has
				}
			}
			return err
		})
	}()
	select {
	case <-answered:
		return nil
	case err := <-asked:
		if err != nil && len(answered) > 0 {
			return nil
		}
		return err
	}
}
