package customer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"frontrow/internal/outward"
)

// How a shop is asked for its keys.
const (
	// freshFor is how old they may be before they are asked for anew, beside what is under way.
	freshFor = 10 * time.Minute
	// askAgain is the least time between two questions, whoever may want to know: a key that
	// nobody has heard of is looked up once, and tokens that are made up cost the shop no more.
	askAgain = 10 * time.Second
	askFor   = 3 * time.Second
	mostJWKS = 256 << 10 // bytes
)

// keySet are a shop's public keys as last heard. While the shop is away they stay.
type keySet struct {
	url     string
	client  *http.Client
	log     *slog.Logger
	now     func() time.Time
	asking  singleflight.Group
	asked   time.Time // of the last question; within asking alone
	current atomic.Pointer[heardKeys]
}

type heardKeys struct {
	keys []publicKey
	at   time.Time
}

func newKeySet(url string, log *slog.Logger, now func() time.Time) *keySet {
	return &keySet{url: url, client: outward.NewClient(http.DefaultTransport.(*http.Transport).Clone()), log: log, now: now}
}

var errUnknownKey = errors.New("the shop has no such key")

// find finds the key of an id for a method. One that is not known may be new: the shop is asked,
// but not again and again. May return ErrUnavailable, or errUnknownKey.
func (s *keySet) find(ctx context.Context, id, method string) (any, error) {
	heard := s.current.Load()
	if key, ok := heard.find(id, method); ok {
		if s.now().Sub(heard.at) > freshFor {
			s.asking.DoChan("", s.ask)
		}
		return key, nil
	}
	select {
	case <-s.asking.DoChan("", s.ask):
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if heard = s.current.Load(); heard == nil {
		return nil, ErrUnavailable
	}
	if key, ok := heard.find(id, method); ok {
		return key, nil
	}
	return nil, errUnknownKey
}

// find finds a key by its id, or the only one there is for the method.
func (h *heardKeys) find(id, method string) (any, bool) {
	if h == nil {
		return nil, false
	}
	var found any
	n := 0
	for _, k := range h.keys {
		if k.method == method && (id == "" || k.id == id) {
			found = k.key
			n++
		}
	}
	return found, n == 1
}

// ask asks the shop. It outlives whoever wanted to know, since others wait for the same.
func (s *keySet) ask() (any, error) {
	if s.now().Sub(s.asked) < askAgain {
		return nil, nil
	}
	s.asked = s.now()
	keys, err := s.fetch()
	if err != nil {
		s.log.Warn("the shop's keys cannot be had", "url", s.url, "error", err)
		return nil, nil
	}
	s.current.Store(&heardKeys{keys, s.now()})
	return nil, nil
}

func (s *keySet) fetch() ([]publicKey, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "frontrow")
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", answer.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, mostJWKS+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > mostJWKS {
		return nil, fmt.Errorf("is longer than %d bytes", mostJWKS)
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, err
	}
	var keys []publicKey
	for _, k := range set.Keys {
		if key, ok := k.read(); ok {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("has no key to verify signatures with")
	}
	return keys, nil
}
