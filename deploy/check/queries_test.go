package check

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

const adminToken = "the-operator-of-the-checks"

// served are the metrics of a gateway that has sold something, and stands before a shop that
// does not answer, with their labels, as
// Prometheus would store them.
var served = sync.OnceValues(func() (map[string][]string, error) {
	dir, err := os.MkdirTemp("", "frontrow-check-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "frontrow")
	build := exec.Command("go", "build", "-tags", "nomsgpack", "-o", binary, "./cmd/frontrow")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var addresses [3]string
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
		if i < 2 { // nobody answers at the third, which is the shop's
			l.Close()
		}
	}
	address, proxy := addresses[0], addresses[1]
	url, routes := "http://"+address, filepath.Join(dir, "routes.yaml")
	if err := os.WriteFile(routes, []byte("routes: [{show: demo, timeout_seconds: 1, upstream: 'http://"+addresses[2]+"'}]"), 0o600); err != nil {
		return nil, err
	}
	run := func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary, args...)
		cmd.Env = []string{"FRONTROW_DATA_DIR=" + dir + "/data", "FRONTROW_LISTEN=" + address, "FRONTROW_ADMIN_TOKEN=" + adminToken,
			"FRONTROW_ROUTES=" + routes, "FRONTROW_PROXY_LISTEN=" + proxy, "FRONTROW_PUBLIC_URL=" + url}
		return cmd
	}
	if out, err := run("seed").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	gateway := run("serve")
	if err := gateway.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = gateway.Process.Kill()
		_ = gateway.Wait()
	}()
	for until := time.Now().Add(time.Minute); run("ready").Run() != nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			return nil, fmt.Errorf("the gateway does not start")
		}
	}
	if out, err := run("simulate", "--visitors", "60", "--url", url).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	response, err := http.Get("http://" + proxy + "/")
	if err != nil {
		return nil, err
	}
	response.Body.Close()
	return metrics(url)
})

func metrics(url string) (map[string][]string, error) {
	response, err := http.Get(url + "/metrics")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	reader := expfmt.NewTextParser(model.UTF8Validation)
	families, err := reader.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, err
	}
	all := map[string][]string{"up": nil}
	for name, family := range families {
		names := []string{name}
		if family.GetType().String() == "HISTOGRAM" {
			names = []string{name + "_bucket", name + "_count", name + "_sum"}
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				for _, n := range names {
					all[n] = append(all[n], l.GetName())
				}
			}
		}
		for _, n := range names {
			if strings.HasSuffix(n, "_bucket") {
				all[n] = append(all[n], "le")
			}
			if all[n] == nil {
				all[n] = []string{}
			}
		}
	}
	return all, nil
}

// query is an expression, and where it stands.
type query struct{ where, expr string }

// asked are all queries of alerts and dashboard.
func asked(t *testing.T) (all []query) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	must(t, yaml.Unmarshal([]byte(read(t, "../prometheus/alerts.yml")), &rules))
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all = append(all, query{r.Alert, r.Expr})
		}
	}
	fill := strings.NewReplacer("$__rate_interval", "1m", "$show", ".*")
	for _, p := range dashboard(t).Panels {
		for _, target := range p.Targets {
			all = append(all, query{p.Title, fill.Replace(target.Expr)})
		}
	}
	return all
}

type grafana struct {
	Panels []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, RefID string }
	}
	Templating struct {
		List []struct {
			Name, Type string
			Definition string
		}
	}
}

func dashboard(t *testing.T) (d grafana) {
	t.Helper()
	must(t, json.Unmarshal([]byte(read(t, "../grafana/dashboards/frontrow.json")), &d))
	return d
}

// byScrape are labels that Prometheus gives to all that it reads.
var byScrape = []string{"job", "instance", model.MetricNameLabel}

// Every metric that is asked for is one that a gateway has, with the labels that it is
// asked by.
func TestQueriesAskForWhatGatewaysHave(t *testing.T) {
	t.Parallel()
	have, err := served()
	must(t, err)
	queries := asked(t)
	if len(queries) < 60 {
		t.Fatalf("%d queries were found", len(queries))
	}
	for _, q := range queries {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(q.expr)
		if err != nil {
			t.Errorf("%s: %v", q.where, err)
			continue
		}
		var names, grouped []string
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			switch n := node.(type) {
			case *parser.VectorSelector:
				names = append(names, n.Name)
				check(t, q, n, have)
			case *parser.AggregateExpr:
				grouped = append(grouped, n.Grouping...)
			}
			return nil
		})
		for _, label := range grouped {
			if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(append(have[name], byScrape...), label) }) {
				t.Errorf("%s: by %s, which none of %v has", q.where, label, names)
			}
		}
	}
}

func check(t *testing.T, q query, n *parser.VectorSelector, have map[string][]string) {
	t.Helper()
	known, ok := have[n.Name]
	if !ok {
		t.Errorf("%s asks for %s, which gateways do not have", q.where, n.Name)
	}
	for _, m := range n.LabelMatchers {
		if !slices.Contains(append(byScrape, known...), m.Name) {
			t.Errorf("%s asks for %s by %s, which it does not have", q.where, n.Name, m.Name)
		}
		if m.Name == "route" && m.Type == labels.MatchEqual && !strings.Contains(read(t, root+"/api/routes.go"), strings.TrimPrefix(m.Value, "/v1")) {
			t.Errorf("%s asks for the route %s, which is none", q.where, m.Value)
		}
	}
}

// What the documents tell people to watch is there to be watched.
func TestDocumentsNameWhatGatewaysHave(t *testing.T) {
	t.Parallel()
	have, err := served()
	must(t, err)
	files, err := filepath.Glob(root + "/docs/*.md")
	must(t, err)
	named := 0
	for _, file := range files {
		for _, name := range regexp.MustCompile(`\bfrontrow_[a-z]+_[a-z_]*[a-z]`).FindAllString(read(t, file), -1) {
			_, ok := have[name]
			_, histogram := have[name+"_count"]
			if !ok && !histogram {
				t.Errorf("%s names %s, which gateways do not have", filepath.Base(file), name)
			}
			named++
		}
	}
	if named < 10 {
		t.Fatalf("%d metrics were found", named)
	}
}

func TestDashboardIsWellFormed(t *testing.T) {
	t.Parallel()
	d := dashboard(t)
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 {
			t.Errorf("%s: id %d again", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s is wider than the page", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name)
	}
	if !slices.Equal(names, []string{"source", "show"}) {
		t.Errorf("variables %v", names)
	}
}
