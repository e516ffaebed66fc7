package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"frontrow/booking"
	"frontrow/internal/gate"
	"frontrow/queue"
)

// servers name what a gateway stands on. Without either of the first two it brings
// its own, in the data directory.
type servers struct {
	RedisURL string `name:"redis-url" env:"FRONTROW_REDIS_URL" help:"redis://host:port/db, redis-cluster://h1:p1,h2:p2 or redis-sentinel://h1:p1,h2:p2/master; rediss for TLS. Empty: embedded." placeholder:"URL"`
	MySQLDSN string `name:"mysql-dsn" env:"FRONTROW_MYSQL_DSN" help:"user:pass@tcp(host:3306)/frontrow, or tcp(h1:3306,h2:3306). Empty: embedded." placeholder:"DSN"`
	DataDir  string `name:"data-dir" env:"FRONTROW_DATA_DIR" default:"./data" help:"Where the embedded default keeps its files."`
}

// gatewayConfig is all that serve can be told.
type gatewayConfig struct {
	servers
	outwardConfig
	Listen         string        `env:"FRONTROW_LISTEN" default:"127.0.0.1:8080" help:"Address of the gateway."`
	OpsListen      string        `name:"ops-listen" env:"FRONTROW_OPS_LISTEN" help:"A separate address for /metrics, /healthz, /readyz and pprof." placeholder:"ADDRESS"`
	Secret         string        `env:"FRONTROW_SECRET" help:"Keys for tokens, 32 bytes of base64 or more each, comma-separated: the first signs, all verify. Generated when embedded." placeholder:"KEYS"`
	AdminToken     string        `name:"admin-token" env:"FRONTROW_ADMIN_TOKEN" help:"Bearer token of the admin endpoints. Generated when embedded." placeholder:"TOKEN"`
	TrustedProxies []string      `name:"trusted-proxies" env:"FRONTROW_TRUSTED_PROXIES" help:"CIDRs whose X-Forwarded-For is believed." placeholder:"CIDR"`
	PublicURL      string        `name:"public-url" env:"FRONTROW_PUBLIC_URL" help:"Where visitors reach the gateway. Empty: as their request says." placeholder:"URL"`
	Drain          time.Duration `env:"FRONTROW_DRAIN" default:"1s" help:"How long a gateway that stops says that it is not ready before it stops listening; at most 5m."`
	Routes         string        `name:"routes" env:"FRONTROW_ROUTES" help:"File that says which requests to shops wait in which show's room (docs/shops.md)." placeholder:"PATH"`
	ProxyListen    string        `name:"proxy-listen" env:"FRONTROW_PROXY_LISTEN" help:"Address of the reverse proxy before the upstreams of the routes. Empty: none." placeholder:"ADDRESS"`
	EmbedOrigins   []string      `name:"embed-origins" env:"FRONTROW_EMBED_ORIGINS" help:"Origins whose pages may show the widget. Empty: none may." placeholder:"ORIGIN"`
	ShopOrigins    []string      `name:"shop-origins" env:"FRONTROW_SHOP_ORIGINS" help:"Origins whose pages may call what visitors call (CORS). Empty: none may." placeholder:"ORIGIN"`
	LogLevel       string        `name:"log-level" env:"FRONTROW_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	Unproven       int           `name:"unproven-per-address" env:"FRONTROW_UNPROVEN_PER_ADDRESS" default:"50" help:"Requests a second that an address may make without proving a place, where they cost something; 0: no limit." placeholder:"N"`
	identityConfig `embed:"" group:"Customers of a shop"`
	cardConfig     `embed:"" group:"Payment by card"`
	tracingConfig  `embed:"" group:"Tracing"`
	DemoCharges    *bool `name:"demo-charges" env:"FRONTROW_DEMO_CHARGES" help:"Visitors may charge their own wallet. On when embedded, else off." negatable:""`
}

// mostUnproven is more than any gateway answers a second.
const mostUnproven = 1_000_000

// mostDrain is longer than any balancer takes to notice.
const mostDrain = 5 * time.Minute

func (s servers) embedded() bool { return s.RedisURL == "" && s.MySQLDSN == "" }

// check returns everything that is wrong with the servers, in one error.
func (s servers) check() error {
	var errs []error
	if (s.RedisURL == "") != (s.MySQLDSN == "") {
		errs = append(errs, errors.New("FRONTROW_REDIS_URL and FRONTROW_MYSQL_DSN go together: set both, or neither for the embedded default"))
	}
	if s.RedisURL != "" {
		if _, err := redisOptions(s.RedisURL); err != nil {
			errs = append(errs, err)
		}
	}
	if s.MySQLDSN != "" {
		if strings.HasPrefix(s.MySQLDSN, "file:") {
			errs = append(errs, errors.New("FRONTROW_MYSQL_DSN is no file: leave it empty for the embedded database"))
		} else if err := booking.CheckDSN(s.MySQLDSN); err != nil {
			errs = append(errs, errors.New("FRONTROW_MYSQL_DSN must be user:pass@tcp(host:port)/database, or with hosts by commas: tcp(h1:port,h2:port)"))
		}
	}
	if s.embedded() && s.DataDir == "" {
		errs = append(errs, errors.New("FRONTROW_DATA_DIR must name a directory"))
	}
	return errors.Join(errs...)
}

// check returns everything that is wrong with the configuration, in one error.
func (c gatewayConfig) check() error {
	errs := []error{c.servers.check(), c.outwardConfig.check()}
	for name, address := range map[string]string{"FRONTROW_LISTEN": c.Listen, "FRONTROW_OPS_LISTEN": c.OpsListen, "FRONTROW_PROXY_LISTEN": c.ProxyListen} {
		if _, _, err := net.SplitHostPort(address); err != nil && (address != "" || name == "FRONTROW_LISTEN") {
			errs = append(errs, fmt.Errorf("%s must be host:port: %w", name, err))
		}
	}
	if c.Secret != "" {
		if _, err := queue.NewKeyring(c.Secret); err != nil {
			errs = append(errs, fmt.Errorf("FRONTROW_SECRET: %w", err))
		}
	} else if !c.embedded() {
		errs = append(errs, errors.New("FRONTROW_SECRET is required outside the embedded default: 32 random bytes of base64, such as `openssl rand -base64 32` prints"))
	}
	if c.AdminToken == "" && !c.embedded() {
		errs = append(errs, errors.New("FRONTROW_ADMIN_TOKEN is required outside the embedded default"))
	} else if c.AdminToken != "" && len(c.AdminToken) < leastSecret {
		errs = append(errs, fmt.Errorf("FRONTROW_ADMIN_TOKEN must have %d characters or more", leastSecret))
	}
	for _, cidr := range c.TrustedProxies {
		if _, _, err := net.ParseCIDR(cidr); err != nil && net.ParseIP(cidr) == nil {
			errs = append(errs, fmt.Errorf("FRONTROW_TRUSTED_PROXIES: %q is no CIDR", cidr))
		}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" {
			errs = append(errs, errors.New("FRONTROW_PUBLIC_URL must be http(s)://host"))
		}
	}
	for name, origins := range map[string][]string{"FRONTROW_EMBED_ORIGINS": c.EmbedOrigins, "FRONTROW_SHOP_ORIGINS": c.ShopOrigins} {
		for _, origin := range origins {
			if !originPattern.MatchString(origin) {
				errs = append(errs, fmt.Errorf("%s: %q is no origin, such as https://shop.example", name, origin))
			}
		}
	}
	_, err := c.routes()
	errs = append(errs, err)
	if c.Unproven < 0 || c.Unproven > mostUnproven {
		errs = append(errs, fmt.Errorf("FRONTROW_UNPROVEN_PER_ADDRESS must be from 0 to %d", mostUnproven))
	}
	if c.Drain < 0 || c.Drain > mostDrain {
		errs = append(errs, fmt.Errorf("FRONTROW_DRAIN must be from 0s to %v", mostDrain))
	}
	errs = append(errs, c.identityConfig.check(), c.cardConfig.check(), c.tracingConfig.check())
	if _, err := logLevel(c.LogLevel); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// originPattern has nothing in it that would end a source in a policy of content.
var originPattern = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)

// routes reads the file of routes; nil: there is none. The error names everything that is
// wrong with it, and with what goes with it.
func (c gatewayConfig) routes() (*gate.Routes, error) {
	if c.Routes == "" {
		if c.ProxyListen != "" {
			return nil, errors.New("FRONTROW_PROXY_LISTEN needs FRONTROW_ROUTES: nothing says what is behind it")
		}
		return nil, nil
	}
	var errs []error
	if c.PublicURL == "" {
		errs = append(errs, errors.New("FRONTROW_ROUTES needs FRONTROW_PUBLIC_URL: that is where visitors are sent to wait"))
	}
	raw, err := os.ReadFile(c.Routes)
	var routes *gate.Routes
	if err == nil {
		routes, err = gate.ParseRoutes(raw)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("FRONTROW_ROUTES: %s: %w", c.Routes, err))
	} else if lacks := routes.WithoutUpstream(); lacks != "" && c.ProxyListen != "" {
		errs = append(errs, fmt.Errorf("FRONTROW_PROXY_LISTEN: the route %s has no upstream", lacks))
	}
	return routes, errors.Join(errs...)
}

// prefixes are the trusted proxies, ready to be compared with; check has read them before.
func (c gatewayConfig) prefixes() (trusted []netip.Prefix) {
	for _, text := range c.TrustedProxies {
		if p, err := netip.ParsePrefix(text); err == nil {
			trusted = append(trusted, p.Masked())
		} else if a, err := netip.ParseAddr(text); err == nil {
			trusted = append(trusted, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return trusted
}

// leastSecret is how long what proves something must be, in characters.
const leastSecret = 16

// isHTTP tells whether a text is the URL of a service.
func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Names of the files in the data directory.
const (
	secretFile  = "secret"
	adminFile   = "admin-token"
	addressFile = "gateway"
	lockFile    = "lock"
	sqliteFile  = "frontrow.db"
	fakepayFile = "fakepay.jsonl"
)

// stored reads what the embedded default keeps under a name; "" when there is none.
func (s servers) stored(name string) string {
	raw, err := os.ReadFile(filepath.Join(s.DataDir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
