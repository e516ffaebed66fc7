package api

import (
	"errors"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"frontrow/queue"
)

func TestUnprovenBounds(t *testing.T) {
	t.Parallel()
	u := newUnproven(5)
	now := time.Now()
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 5 * unprovenBurst {
		if err := u.ask(here, now); err != nil {
			t.Fatalf("within the burst: %v", err)
		}
	}
	var often *queue.TooManyError
	if err := u.ask(here, now); !errors.As(err, &often) || often.RetryAfter <= 0 || often.RetryAfter > 201*time.Millisecond {
		t.Fatalf("past the burst: %v", err)
	}
	if err := u.ask(there, now); err != nil {
		t.Errorf("another address: %v", err)
	}
	if err := u.ask(here, now.Add(often.RetryAfter)); err != nil {
		t.Errorf("after Retry-After: %v", err)
	}
	if err := u.ask(here, now.Add(often.RetryAfter)); err == nil {
		t.Error("two came in one turn")
	}
}

func TestUnprovenCountsIPv6ByHome(t *testing.T) {
	t.Parallel()
	u := newUnproven(1)
	now := time.Now()
	for n := range unprovenBurst {
		if err := u.ask(netip.MustParseAddr("2001:db8:1:1::"+strconv.Itoa(n+1)), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := u.ask(netip.MustParseAddr("2001:db8:1:1::ffff"), now); err == nil {
		t.Error("a home got more with another address")
	}
	if err := u.ask(netip.MustParseAddr("2001:db8:1:2::1"), now); err != nil {
		t.Errorf("the home beside it: %v", err)
	}
}

// However many addresses come, no more than so many are kept.
func TestUnprovenMemoryIsBounded(t *testing.T) {
	t.Parallel()
	u := newUnproven(1)
	now := time.Now()
	for n := range mostAddresses + 10 {
		if err := u.ask(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), now); err != nil {
			t.Fatal(err)
		}
	}
	if n := u.known.Len(); n != mostAddresses {
		t.Errorf("%d addresses are kept", n)
	}
}

func TestNoLimitIsNoLimit(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, u := range map[string]*unproven{"0": newUnproven(0), "below 0": newUnproven(-1)} {
		for range 1000 {
			if err := u.ask(netip.MustParseAddr("192.0.2.1"), now); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	u := newUnproven(1)
	for range 1000 {
		if err := u.ask(netip.Addr{}, now); err != nil {
			t.Fatalf("an address that is not known: %v", err)
		}
	}
}
