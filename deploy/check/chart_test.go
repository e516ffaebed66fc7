package check

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// usual are values that an installation starts from.
const usual = `
secret: {existingSecret: frontrow}
`

// render is `helm template`, with values as YAML; objects are by kind.
func render(values string) (map[string]string, error) {
	chart, err := loader.Load("../helm/frontrow")
	if err != nil {
		return nil, err
	}
	given, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	options := chartutil.ReleaseOptions{Name: "sale", Namespace: "tickets", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, given, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	objects := map[string]string{}
	for name, text := range files {
		if strings.TrimSpace(text) == "" || path.Ext(name) != ".yaml" {
			continue
		}
		var kind struct{ Kind string }
		if err := yaml.Unmarshal([]byte(text), &kind); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", name, err, text)
		}
		objects[kind.Kind] = text
	}
	return objects, nil
}

// kinds are what the API server would decode each object into; a field that it does not know
// is refused.
var kinds = map[string]func() any{
	"ConfigMap":               func() any { return &corev1.ConfigMap{} },
	"Deployment":              func() any { return &appsv1.Deployment{} },
	"HorizontalPodAutoscaler": func() any { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"Ingress":                 func() any { return &networkingv1.Ingress{} },
	"PodDisruptionBudget":     func() any { return &policyv1.PodDisruptionBudget{} },
	"Secret":                  func() any { return &corev1.Secret{} },
	"Service":                 func() any { return &corev1.Service{} },
}

func decode[T any](t *testing.T, objects map[string]string, kind string) *T {
	t.Helper()
	into := new(T)
	if err := yaml.UnmarshalStrict([]byte(objects[kind]), into); err != nil || objects[kind] == "" {
		t.Fatalf("%s: %v\n%s", kind, err, objects[kind])
	}
	return into
}

func TestChartRenders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ values, kinds string }{
		"the usual": {usual, "ConfigMap Deployment HorizontalPodAutoscaler PodDisruptionBudget Service"},
		"a fixed number": {usual + `
autoscaling: {enabled: false}
replicas: 4
disruption: {maxUnavailable: null, minAvailable: 3}
migrate: false
scrapeAnnotations: false
`, "ConfigMap Deployment PodDisruptionBudget Service"},
		"everything": {`
fullnameOverride: queue
image: {repository: registry.example/frontrow, tag: 1.2.3, pullPolicy: Always}
imagePullSecrets: [{name: registry}]
drainSeconds: 30
config: {FRONTROW_PUBLIC_URL: "https://tickets.example", FRONTROW_TRUSTED_PROXIES: 10.0.0.0/8, FRONTROW_UNPROVEN_PER_ADDRESS: 1000000, FRONTROW_DEMO_CHARGES: false}
secret:
  values: {FRONTROW_SECRET: "a,b", FRONTROW_ADMIN_TOKEN: "yes", FRONTROW_REDIS_URL: "redis://r:6379/0", FRONTROW_MYSQL_DSN: "u:p@tcp(m:3306)/frontrow", FRONTROW_PAYMENT_KEY: "k: '#"}
ingress: {enabled: true, className: nginx, host: tickets.example, tlsSecret: tls, annotations: {a/b: "1"}}
podAnnotations: {c: d}
podLabels: {e: f}
nodeSelector: {g: h}
tolerations: [{key: i, operator: Exists}]
affinity: {podAntiAffinity: {}}
`, "ConfigMap Deployment HorizontalPodAutoscaler Ingress PodDisruptionBudget Secret Service"},
	} {
		objects, err := render(test.values)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(slices.Sorted(maps.Keys(objects)), " "); got != test.kinds {
			t.Errorf("%s: %s, want %s", name, got, test.kinds)
		}
		for kind, text := range objects {
			if err := yaml.UnmarshalStrict([]byte(text), kinds[kind]()); err != nil {
				t.Errorf("%s: %s: %v\n%s", name, kind, err, text)
			}
		}
		if name == "everything" {
			secret, config := decode[corev1.Secret](t, objects, "Secret"), decode[corev1.ConfigMap](t, objects, "ConfigMap")
			for got, want := range map[string]string{
				secret.StringData["FRONTROW_ADMIN_TOKEN"]: "yes", secret.StringData["FRONTROW_PAYMENT_KEY"]: "k: '#",
				config.Data["FRONTROW_UNPROVEN_PER_ADDRESS"]: "1000000", config.Data["FRONTROW_DEMO_CHARGES"]: "false",
			} {
				if got != want {
					t.Errorf("a gateway is told %q, want %q", got, want)
				}
			}
		}
	}
}

func TestChartRollsGracefully(t *testing.T) {
	t.Parallel()
	objects, err := render(usual + "drainSeconds: 40\n")
	must(t, err)
	d := decode[appsv1.Deployment](t, objects, "Deployment")
	pod := d.Spec.Template.Spec
	gateway := pod.Containers[0]
	env := map[string]string{}
	for _, e := range gateway.Env {
		env[e.Name] = e.Value
	}
	drain, err := time.ParseDuration(env["FRONTROW_DRAIN"])
	must(t, err)
	if drain != 40*time.Second || time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second < drain+15*time.Second {
		t.Errorf("drains for %v and is killed after %d s", drain, *pod.TerminationGracePeriodSeconds)
	}
	if d.Spec.Replicas != nil {
		t.Error("an upgrade would undo what the autoscaler did")
	}
	if roll := d.Spec.Strategy.RollingUpdate; roll.MaxUnavailable.IntValue() != 0 || roll.MaxSurge.IntValue() != 1 {
		t.Errorf("rolls by %+v", roll)
	}
	for what, probe := range map[string]*corev1.Probe{"startup": gateway.StartupProbe, "liveness": gateway.LivenessProbe, "readiness": gateway.ReadinessProbe} {
		if probe == nil || probe.HTTPGet.Port.StrVal != "ops" {
			t.Errorf("%s: %+v", what, probe)
		}
	}
	if gateway.LivenessProbe.HTTPGet.Path != "/healthz" || gateway.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Error("a gateway is killed because Redis is away")
	}
	if !*pod.SecurityContext.RunAsNonRoot || !*gateway.SecurityContext.ReadOnlyRootFilesystem {
		t.Error("a gateway runs as root, or may write")
	}
	selector := d.Spec.Selector.MatchLabels
	for label, value := range selector {
		if d.Spec.Template.Labels[label] != value {
			t.Errorf("the deployment selects %s=%s, its pods have %q", label, value, d.Spec.Template.Labels[label])
		}
	}
	if pdb := decode[policyv1.PodDisruptionBudget](t, objects, "PodDisruptionBudget"); !maps.Equal(pdb.Spec.Selector.MatchLabels, selector) {
		t.Errorf("the budget is of %v", pdb.Spec.Selector.MatchLabels)
	}
	if service := decode[corev1.Service](t, objects, "Service"); !maps.Equal(service.Spec.Selector, selector) || service.Spec.Ports[0].TargetPort.StrVal != "http" {
		t.Errorf("the service is of %v", service.Spec.Selector)
	}
	hpa := decode[autoscalingv2.HorizontalPodAutoscaler](t, objects, "HorizontalPodAutoscaler")
	if hpa.Spec.ScaleTargetRef.Name != d.Name || *hpa.Spec.MinReplicas != 3 || hpa.Spec.MaxReplicas != 12 {
		t.Errorf("scales %+v", hpa.Spec)
	}
}

// Another configuration rolls the gateways, and the same one does not.
func TestChartRollsOnChange(t *testing.T) {
	t.Parallel()
	sum := func(values string) string {
		objects, err := render(values)
		must(t, err)
		return decode[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Annotations["checksum/config"]
	}
	warn, debug := usual+"config: {FRONTROW_LOG_LEVEL: warn}\n", usual+"config: {FRONTROW_LOG_LEVEL: debug}\n"
	if sum(warn) != sum(warn) || sum(warn) == sum(debug) || sum(warn) == "" {
		t.Error("gateways do not roll when their configuration changes, or roll when it does not")
	}
}

// What contradicts itself is refused, in words.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		usual + "autoscaling: {minReplicas: 13}":                      "autoscaling.minReplicas is 13, more than autoscaling.maxReplicas, which is 12",
		usual + "replicas: 3":                                         "replicas is set, and autoscaling.enabled decides",
		usual + "autoscaling: {enabled: false}":                       "replicas says no number of gateways",
		usual + "resources: {requests: {cpu: null}}":                  "a share of resources.requests.cpu, which is not set",
		usual + "disruption: {minAvailable: 2}":                       "are both set: set one, and null for the other",
		usual + "disruption: {maxUnavailable: null}":                  "are both null: set one",
		usual + "disruption: {maxUnavailable: null, minAvailable: 3}": "disruption.minAvailable is 3 and there may be no more than 3 gateways: no node could ever be emptied",
		"{}": "secret.values.FRONTROW_SECRET is missing, and secret.existingSecret names no Secret that has it",
		"secret: {existingSecret: a, values: {FRONTROW_SECRET: b}}":                              "secret.existingSecret and secret.values are both set",
		"secret: {values: {FRONTROW_SECRET: a, FRONTROW_ADMIN_TOKEN: b, FRONTROW_REDIS_URL: c}}": "secret.values.FRONTROW_MYSQL_DSN is missing",
		usual + "config: {FRONTROW_DRAIN: 1s}":                                                   "config.FRONTROW_DRAIN is the chart's to set: use drainSeconds",
		usual + "config: {FRONTROW_LISTEN: ':80'}":                                               "config.FRONTROW_LISTEN is the chart's to set",
		usual + "config: {FRONTROW_ADMIN_TOKEN: a}":                                              "config.FRONTROW_ADMIN_TOKEN is a secret",
		usual + "config: {FRONTROW_MYSQL_DSN: a}":                                                "config.FRONTROW_MYSQL_DSN is a secret",
		usual + "ingress: {enabled: true}":                                                       "ingress.host names no host",
		usual + "ingress: {enabled: true, host: a.example}":                                      "config.FRONTROW_TRUSTED_PROXIES does not name the ingress",
		// By themselves, by the schema.
		usual + "drainSeconds: 301":                         "drainSeconds",
		usual + "drainSeconds: -1":                          "drainSeconds",
		usual + "autoscaling: {minReplicas: 0}":             "minReplicas",
		usual + "autoscaling: {targetCPUPercent: 101}":      "targetCPUPercent",
		usual + "service: {port: 65536}":                    "port",
		usual + "replica: 3":                                "replica",
		usual + "config: {listen: ':80'}":                   "'listen' does not match pattern",
		usual + "image: {repository: a, pullPolicy: Often}": "pullPolicy",
	} {
		_, err := render(values)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", strings.TrimSpace(values), err, want)
		}
	}
}

// Two values that do not fit the third, with all that is said at once.
func TestChartSaysAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := render(`
replicas: 2
autoscaling: {enabled: false}
disruption: {maxUnavailable: null, minAvailable: 2}
secret: {existingSecret: frontrow}
ingress: {enabled: true, host: a.example, tlsSecret: t}
config: {FRONTROW_PUBLIC_URL: "http://b.example", FRONTROW_TRUSTED_PROXIES: 10.0.0.0/8}
`)
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		"disruption.minAvailable is 2 and there may be no more than 2 gateways",
		"ingress.tlsSecret makes it https, and config.FRONTROW_PUBLIC_URL is http://b.example",
		"ingress.host is a.example, and config.FRONTROW_PUBLIC_URL is http://b.example",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not said: %s\n%v", want, err)
		}
	}
	objects, err := render(usual + "disruption: {maxUnavailable: null, minAvailable: 2}\n")
	must(t, err)
	if pdb := decode[policyv1.PodDisruptionBudget](t, objects, "PodDisruptionBudget"); pdb.Spec.MinAvailable.IntValue() != 2 || pdb.Spec.MaxUnavailable != nil {
		t.Errorf("one less than the least is not taken: %+v", pdb.Spec)
	}
}
