package check

import (
	"encoding/base64"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"
)

// project is compose.yaml as Compose reads it, with secrets of its own.
func project(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{deployed(t) + "/compose.yaml"}, cli.WithResolvedPaths(true))
	must(t, err)
	p, err := options.LoadProject(t.Context())
	must(t, err)
	return p
}

func TestComposeIsWhole(t *testing.T) {
	t.Parallel()
	p := project(t)
	want := []string{"gateway-1", "gateway-2", "grafana", "migrate", "mysql", "nginx", "prometheus", "redis"}
	if got := p.ServiceNames(); !slices.Equal(got, want) {
		t.Fatalf("services %v, want %v", got, want)
	}
	for name, s := range p.Services {
		if _, tag, ok := strings.Cut(s.Image, ":"); !ok || tag == "latest" {
			t.Errorf("%s: image %q names no version", name, s.Image)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		gateway := strings.HasPrefix(name, "gateway") // the image has a health check of its own
		if name != "migrate" && !gateway && (s.HealthCheck == nil || s.HealthCheck.Disable) {
			t.Errorf("%s: nobody asks whether it is well", name)
		}
		if s.Restart == "" {
			t.Errorf("%s: stays down", name)
		}
		for _, port := range s.Ports {
			if name != "nginx" && port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to everybody", name, port.Published)
			}
		}
	}
	if !p.Networks["back"].Internal {
		t.Error("Redis and MySQL can be reached from elsewhere")
	}
	for _, name := range []string{"redis", "mysql"} {
		n := p.Services[name].Networks
		if _, back := n["back"]; len(n) != 1 || !back {
			t.Errorf("%s is on %v", name, n)
		}
	}
}

func TestComposeGateways(t *testing.T) {
	t.Parallel()
	p := project(t)
	var upstream, targets []string
	for _, m := range regexp.MustCompile(`(?m)^\s*server (\S+)`).FindAllStringSubmatch(read(t, "../nginx/upstream.conf"), -1) {
		upstream = append(upstream, m[1])
	}
	var groups []struct{ Targets []string }
	must(t, yaml.Unmarshal([]byte(read(t, "../prometheus/targets.yml")), &groups))
	for _, g := range groups {
		targets = append(targets, g.Targets...)
	}
	var serve, tell []string
	for _, name := range []string{"gateway-1", "gateway-2"} {
		s := p.Services[name]
		env := func(variable string) string {
			if v := s.Environment[variable]; v != nil {
				return *v
			}
			return ""
		}
		serve = append(serve, strings.Replace(env("FRONTROW_LISTEN"), "0.0.0.0", name, 1))
		tell = append(tell, strings.Replace(env("FRONTROW_OPS_LISTEN"), "0.0.0.0", name, 1))
		drain, err := time.ParseDuration(env("FRONTROW_DRAIN"))
		must(t, err)
		if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) < drain+15*time.Second {
			t.Errorf("%s is killed while it drains for %v", name, drain)
		}
		if subnet := p.Networks["front"].Ipam.Config[0].Subnet; env("FRONTROW_TRUSTED_PROXIES") != subnet {
			t.Errorf("%s trusts %s, nginx is in %s", name, env("FRONTROW_TRUSTED_PROXIES"), subnet)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s may write, or has capabilities", name)
		}
		if s.DependsOn["migrate"].Condition != types.ServiceConditionCompletedSuccessfully {
			t.Errorf("%s does not wait for the schema", name)
		}
		if key, err := base64.StdEncoding.DecodeString(env("FRONTROW_SECRET")); err != nil || len(key) != 32 {
			t.Errorf("FRONTROW_SECRET has %d bytes, %v", len(key), err)
		}
		password := *p.Services["mysql"].Environment["MYSQL_PASSWORD"]
		if want := "frontrow:" + password + "@tcp(mysql:3306)/frontrow"; env("FRONTROW_MYSQL_DSN") != want || len(password) < 32 {
			t.Errorf("FRONTROW_MYSQL_DSN is %q, want %q", env("FRONTROW_MYSQL_DSN"), want)
		}
	}
	if !slices.Equal(serve, upstream) {
		t.Errorf("gateways at %v, nginx asks %v", serve, upstream)
	}
	if !slices.Equal(tell, targets) {
		t.Errorf("gateways tell at %v, Prometheus asks %v", tell, targets)
	}
	for name, s := range p.Services {
		if s.Environment["FRONTROW_SECRET"] != nil && !strings.HasPrefix(name, "gateway") && name != "migrate" {
			t.Errorf("%s is told the gateways' secrets", name)
		}
	}
}

// Secrets that are there stay: the database keeps the password that it was made with.
func TestSecretsAreMadeOnce(t *testing.T) {
	t.Parallel()
	dir := deployed(t)
	before := read(t, dir+"/frontrow.env") + read(t, dir+"/mysql.env")
	must(t, os.Remove(dir+"/grafana.env"))
	runs(t, dir, nil, "bash", "secrets.sh", dir)
	if after := read(t, dir+"/frontrow.env") + read(t, dir+"/mysql.env"); after != before {
		t.Error("they were made anew")
	}
	info, err := os.Stat(dir + "/frontrow.env")
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("frontrow.env is %v", info.Mode())
	}
	// The gateways' file made anew has the database's password.
	must(t, os.Remove(dir+"/frontrow.env"))
	runs(t, dir, nil, "bash", "secrets.sh", dir)
	password := regexp.MustCompile(`MYSQL_PASSWORD=(\S+)`).FindStringSubmatch(read(t, dir+"/mysql.env"))[1]
	if !strings.Contains(read(t, dir+"/frontrow.env"), "frontrow:"+password+"@") {
		t.Error("frontrow.env has another password than mysql.env")
	}
}
