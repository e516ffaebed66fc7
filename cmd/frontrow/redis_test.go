package main

import (
	"slices"
	"strings"
	"testing"
)

// A URL of several hosts says who is asked, as whom, and over TLS or not; its parameters are
// go-redis's.
func TestURLsOfSeveralHosts(t *testing.T) {
	t.Parallel()
	at, err := redisOptions("redis-cluster://me:p%40ss@a:1,b:2,[::1]:3?pool_size=7")
	must(t, err)
	if c := at.cluster; c == nil || !slices.Equal(c.Addrs, []string{"a:1", "b:2", "[::1]:3"}) || c.Username != "me" || c.Password != "p@ss" || c.PoolSize != 7 || c.TLSConfig != nil {
		t.Errorf("cluster %+v", c)
	}
	at, err = redisOptions("rediss-cluster://a:1")
	must(t, err)
	if c := at.cluster; c == nil || c.TLSConfig == nil || len(c.Addrs) != 1 {
		t.Errorf("cluster over TLS %+v", c)
	}
	at, err = redisOptions("redis-sentinel://me:pass@a:1,b:2/sale?db=3&sentinel_username=it&sentinel_password=too")
	must(t, err)
	if s := at.sentinel; s == nil || !slices.Equal(s.SentinelAddrs, []string{"a:1", "b:2"}) || s.MasterName != "sale" || s.DB != 3 ||
		s.Username != "me" || s.Password != "pass" || s.SentinelUsername != "it" || s.SentinelPassword != "too" {
		t.Errorf("sentinel %+v", s)
	}
	for _, url := range []string{"redis-cluster://me:secret@a:1,b", "redis-sentinel://me:secret@a:1/m?db=x", "redis-cluster://me:secret@a:1/?%zz", "redis-://secret@a", "redis://secret@a:x"} {
		if _, err := redisOptions(url); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
