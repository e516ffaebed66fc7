package api

import (
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"frontrow/queue"
)

// unproven bounds, address by address, the requests that cost Redis or the database
// though no place, pass or token speaks for them: whoever asks can make up as many
// cookies as they like, but not addresses. It is this gateway's own, for what
// it protects is mostly paid here.
type unproven struct {
	perSecond rate.Limit
	burst     int
	known     *lru.Cache[netip.Prefix, *rate.Limiter]
}

const (
	// mostAddresses bounds its memory; who is forgotten starts with a full burst.
	mostAddresses = 65_536
	// unprovenBurst is how many seconds' worth may come at once.
	unprovenBurst = 4
)

// newUnproven is nil, and bounds nothing, for 0 a second.
func newUnproven(perSecond int) *unproven {
	if perSecond <= 0 {
		return nil
	}
	return newBound(rate.Limit(perSecond), perSecond*unprovenBurst)
}

// newBound lets so many come a second, and so many at once.
func newBound(perSecond rate.Limit, burst int) *unproven {
	known, err := lru.New[netip.Prefix, *rate.Limiter](mostAddresses)
	if err != nil {
		panic(err) // its size is a constant
	}
	return &unproven{perSecond, burst, known}
}

// ask takes one request of an address into account. Returns a *queue.TooManyError when
// there are too many. An address that cannot be read is not bounded.
func (u *unproven) ask(address netip.Addr, now time.Time) error {
	prefix := queue.AddressOf(address)
	if u == nil || !prefix.IsValid() {
		return nil
	}
	limiter, ok := u.known.Get(prefix)
	if !ok {
		limiter = rate.NewLimiter(u.perSecond, u.burst)
		if other, ok, _ := u.known.PeekOrAdd(prefix, limiter); ok {
			limiter = other
		}
	}
	if limiter.AllowN(now, 1) {
		return nil
	}
	lacks := 1 - limiter.TokensAt(now)
	return &queue.TooManyError{RetryAfter: time.Duration(lacks / float64(u.perSecond) * float64(time.Second))}
}

// address is where a request comes from, as far as the proxies before us are believed.
func address(c *gin.Context) netip.Addr {
	a, _ := netip.ParseAddr(c.ClientIP()) // invalid: not known
	return a
}

// unproven notes a request that nothing but a cookie speaks for. May return a
// *queue.TooManyError.
func (a *API) unproven(c *gin.Context) error {
	if a.strangers == nil {
		return nil
	}
	return a.strangers.ask(address(c), a.Now())
}
