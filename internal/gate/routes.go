// Package gate stands in front of somebody else's shop: one decision about every request,
// whether it may go through or must wait, behind forward-auth and the reverse proxy alike.
package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Route says what is done with requests for a host and below a path.
type Route struct {
	Host     string   `json:"host"`     // exact, without port; empty: any
	Path     string   `json:"path"`     // a prefix of whole segments; empty: /
	Show     string   `json:"show"`     // whose room stands before it; empty: nobody waits
	Upstream string   `json:"upstream"` // http(s)://host[:port] behind the reverse proxy
	Bypass   []string `json:"bypass"`   // paths below a prefix, /assets/, or by pattern, *.css, for which nobody waits
	DryRun   bool     `json:"dry_run"`  // everything goes through, and is counted
	// RedisAway says what happens to those who are not inside while Redis cannot be asked:
	// "closed" (they are asked to come again) or "open" (they go through, after GraceSeconds).
	RedisAway string `json:"redis_away"`
	// GraceSeconds is how long Redis may be away before `open` opens, and how long past
	// their last confirmation those inside go on; 60 when it is not there.
	GraceSeconds *int `json:"grace_seconds"`
	// TimeoutSeconds is how long the upstream may take until it begins to answer; 60 when it is
	// not there.
	TimeoutSeconds *int `json:"timeout_seconds"`

	upstream *url.URL
}

// Bounds and defaults of a route.
const (
	defaultGrace   = 60
	mostGrace      = 86_400
	defaultTimeout = 60
	mostTimeout    = 3_600
	mostRoutes     = 1_000
	mostBypass     = 100
	awayClosed     = "closed"
	awayOpen       = "open"
)

var (
	showPattern = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$`)
)

// Routes are the rules of one gateway.
type Routes struct {
	all []*Route // the longest path first
}

// ParseRoutes reads the file of routes, YAML or JSON: {routes: [{host, path, show, …}]}. The
// error names everything that is wrong with it.
func ParseRoutes(raw []byte) (*Routes, error) {
	asJSON, err := yaml.YAMLToJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("not YAML: %s", yaml.FormatError(err, false, false))
	}
	var file struct {
		Routes []*Route `json:"routes"`
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("not routes: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not routes: there is more behind them")
	}
	if n := len(file.Routes); n == 0 || n > mostRoutes {
		return nil, fmt.Errorf("routes must be 1 to %d", mostRoutes)
	}
	var errs []error
	seen := map[string]int{}
	for i, r := range file.Routes {
		if r == nil {
			errs = append(errs, fmt.Errorf("route %d: is empty", i+1))
			continue
		}
		for _, err := range r.complete() {
			errs = append(errs, fmt.Errorf("route %d: %w", i+1, err))
		}
		key := r.Host + strings.TrimSuffix(r.Path, "/")
		if first, twice := seen[key]; twice {
			errs = append(errs, fmt.Errorf("route %d: host %q and path %q are those of route %d", i+1, r.Host, r.Path, first))
		} else {
			seen[key] = i + 1
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortStableFunc(file.Routes, func(a, b *Route) int { return len(b.Path) - len(a.Path) })
	return &Routes{all: file.Routes}, nil
}

// complete fills in what a route leaves open, and says all that is wrong with it.
func (r *Route) complete() (errs []error) {
	wrong := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	r.Host = strings.ToLower(r.Host)
	_, notIP := netip.ParseAddr(r.Host)
	wrong(r.Host == "" || hostPattern.MatchString(r.Host) || notIP == nil, "host must be a name without port, not %q", r.Host)
	if r.Path == "" {
		r.Path = "/"
	}
	wrong(r.Path[0] == '/' && isPlain(r.Path) && !strings.ContainsAny(r.Path, "?#%*"), "path must be a plain prefix such as /tickets, not %q", r.Path)
	wrong(r.Show == "" || showPattern.MatchString(r.Show), "show must match [a-z0-9-]{1,40}, not %q", r.Show)
	wrong(r.Show != "" || len(r.Bypass) == 0 && !r.DryRun && r.RedisAway == "" && r.GraceSeconds == nil,
		"bypass, dry_run, redis_away and grace_seconds mean nothing without a show")
	if r.Upstream != "" {
		u, err := url.Parse(r.Upstream)
		wrong(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
			(u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "", "upstream must be http(s)://host[:port], not %q", r.Upstream)
		r.upstream = u
	}
	wrong(len(r.Bypass) <= mostBypass, "bypass must have at most %d rules", mostBypass)
	for _, rule := range r.Bypass {
		_, err := path.Match(rule, "")
		wrong(err == nil && len(rule) > 1 && rule != "*" && rule != "/*", "bypass %q is no prefix such as /assets/ and no pattern such as *.css, or lets everything through", rule)
	}
	wrong(r.RedisAway == "" || r.RedisAway == awayClosed || r.RedisAway == awayOpen, "redis_away must be closed or open, not %q", r.RedisAway)
	for _, bound := range []struct {
		name              string
		at                **int
		least, most, none int
	}{{"grace_seconds", &r.GraceSeconds, 0, mostGrace, defaultGrace}, {"timeout_seconds", &r.TimeoutSeconds, 1, mostTimeout, defaultTimeout}} {
		if *bound.at == nil {
			*bound.at = new(bound.none)
		}
		wrong(**bound.at >= bound.least && **bound.at <= bound.most, "%s must be %d to %d", bound.name, bound.least, bound.most)
	}
	return errs
}

// WithoutUpstream names the first route that a reverse proxy could do nothing with; "" when
// there is none.
func (rs *Routes) WithoutUpstream() string {
	for _, r := range rs.all {
		if r.Upstream == "" {
			return r.Host + r.Path
		}
	}
	return ""
}

// Match finds the route of a host (without port) and a path: those of that very host
// first, and of them the one with the longest path. nil: there is none.
func (rs *Routes) Match(host, path string) *Route {
	for _, of := range []string{host, ""} {
		for _, r := range rs.all {
			if r.Host == of && r.covers(path) {
				return r
			}
		}
	}
	return nil
}

func (r *Route) covers(path string) bool {
	rest, ok := strings.CutPrefix(path, r.Path)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(r.Path, "/"))
}

// bypasses tells whether nobody waits for a path. What an upstream could read in
// another way than it is written bypasses nothing.
func (r *Route) bypasses(raw, decoded string) bool {
	if raw != decoded || strings.ContainsAny(decoded, "%;\\") || strings.Contains(decoded, "//") {
		return false
	}
	for _, rule := range r.Bypass {
		switch {
		case strings.ContainsAny(rule, "*?["):
			name := decoded
			if rule[0] != '/' {
				name = path.Base(decoded)
			}
			if ok, _ := path.Match(rule, name); ok { // the pattern was tried when it was read
				return true
			}
		case strings.HasSuffix(rule, "/") && strings.HasPrefix(decoded, rule), decoded == rule:
			return true
		}
	}
	return false
}

// isPlain tells whether a path, decoded, is what everybody reads in it: without dots
// to climb by, control characters, or the other slash.
func isPlain(decoded string) bool {
	for segment := range strings.SplitSeq(decoded, "/") {
		name, _, _ := strings.Cut(segment, ";") // some servers drop what is behind
		if name == "." || name == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(decoded, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' })
}

// hostOf is the host of a Host header: in lower case, without port and the last dot.
func hostOf(header string) string {
	host := strings.ToLower(header)
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}
