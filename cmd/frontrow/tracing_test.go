package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"frontrow/internal/fakepay"
	"frontrow/internal/testenv"
)

// spans is a collector: it keeps what gateways send it by OTLP over HTTP.
type spans struct {
	t   *testing.T
	url string

	mu   sync.Mutex
	kept []sent
}

// sent is a span, and the gateway that sent it.
type sent struct {
	*otlp.Span
	gateway string
}

func (s sent) trace() string { return hex.EncodeToString(s.TraceId) }

func collect(t *testing.T) *spans {
	t.Helper()
	s := &spans{t: t}
	s.url = serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(raw, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		s.keep(&request)
		w.Header().Set("Content-Type", "application/x-protobuf")
	})
	return s
}

func (s *spans) keep(r *collector.ExportTraceServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range r.ResourceSpans {
		gateway := ""
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.instance.id" {
				gateway = a.Value.GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			for _, span := range scope.Spans {
				s.kept = append(s.kept, sent{span, gateway})
			}
		}
	}
}

func (s *spans) all() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept)
}

// of are the spans of a trace, once all that are named have come.
func (s *spans) of(trace string, names ...string) (of []sent) {
	s.t.Helper()
	var missing strings.Builder
	testenv.Wait(s.t, 30*time.Second, func() bool {
		of = nil
		var have []string
		for _, span := range s.all() {
			if span.trace() == trace {
				of, have = append(of, span), append(have, span.Name)
			}
		}
		missing.Reset()
		for _, name := range names {
			if !slices.Contains(have, name) {
				missing.WriteString(name + "; ")
			}
		}
		return missing.Len() == 0
	}, "trace %s lacks spans: %s", trace, &missing)
	return of
}

func called(t *testing.T, spans []sent, name string) sent {
	t.Helper()
	i := slices.IndexFunc(spans, func(s sent) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no span %s", name)
	}
	return spans[i]
}

// traces has a gateway send its spans.
func (s *spans) traces(c *gatewayConfig) { c.OTLPURL, c.TraceRatio = s.url, 1 }

// overheard stands before a payment provider and tells by order and call what traceparents
// came with it.
type overheard struct {
	url string

	mu      sync.Mutex
	parents []string
}

func overhear(t *testing.T, target string) *overheard {
	t.Helper()
	to, err := url.Parse(target)
	must(t, err)
	w, proxy := &overheard{}, httputil.NewSingleHostReverseProxy(to)
	w.url = serveHTTP(t, func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.parents = append(w.parents, r.Header.Get("traceparent"))
		w.mu.Unlock()
		proxy.ServeHTTP(out, r)
	})
	return w
}

func (w *overheard) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.parents)
}

const (
	theirTrace  = "0af7651916cd43dd8448eb211c80319c"
	theirParent = "00-" + theirTrace + "-b7ad6b7169203331-00"
)

// One trace leads from the request through transaction, provider and event to the
// listeners; polls are in none.
func TestOneTraceFollowsAnOrder(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		s := collect(t)
		pay, err := startProvider("127.0.0.1:0", fakepay.Options{})
		must(t, err)
		t.Cleanup(pay.Close)
		provider := overhear(t, pay.URL())
		mail, stream := overhear(t, pay.URL()), "t-"+strings.ToLower(rand.Text())
		g := b.serve(t, s.traces, func(c *gatewayConfig) {
			c.PaymentURL, c.BusURL = provider.url, testenv.Redis(t)+"?stream="+stream
			c.NotifyURL, c.NotifySecret, c.NotifyLocale = mail.url+"/notify", testWebhooks, "en" // where nobody takes it
		})
		show := g.show()
		v := g.enters(show)
		held := v.hold("A-1-1", "A-1-2").want(http.StatusCreated)
		paid := g.do(call{
			method: "POST", path: "/v1/orders", bearer: v.pass, key: "k", body: cardPayment(held.text("hold"), "card_ok"),
			header: map[string]string{"traceparent": theirParent},
		}).want(http.StatusCreated)
		if got := paid.text("trace_id"); got != theirTrace {
			t.Errorf("the order's trace is %s, not the caller's", got)
		}
		v.is("finished")
		of := s.of(theirTrace, "POST /v1/orders", "transaction: ask for payment", "provider: charge", "transaction: settle payment",
			"sql insert", "evalsha", "deliver order.paid to end-admission", "deliver order.paid to mark-seats",
			"deliver order.paid to notify", "deliver order.paid to publish")

		request, charge := called(t, of, "POST /v1/orders"), called(t, of, "provider: charge")
		if hex.EncodeToString(request.ParentSpanId) != "b7ad6b7169203331" {
			t.Error("the request is not under the caller's span")
		}
		parentOf := func(s sent) string { return "00-" + theirTrace + "-" + hex.EncodeToString(s.SpanId) + "-01" }
		if heard := provider.heard(); !slices.Equal(heard, []string{parentOf(charge)}) {
			t.Errorf("the provider heard %v, want %s", heard, parentOf(charge))
		}
		notified := called(t, of, "deliver order.paid to notify")
		if heard := mail.heard(); !slices.Equal(heard, []string{parentOf(notified)}) || notified.Status.GetCode() != otlp.Status_STATUS_CODE_ERROR {
			t.Errorf("who writes to buyers heard %v, want %s", heard, parentOf(notified))
		}
		if got, want := published(t, stream), parentOf(called(t, of, "deliver order.paid to publish")); got != want {
			t.Errorf("the message on the bus is of %s, want %s", got, want)
		}
		for _, child := range []string{"transaction: ask for payment", "provider: charge", "deliver order.paid to end-admission"} {
			if got := called(t, of, child); string(got.ParentSpanId) != string(request.SpanId) {
				t.Errorf("%s is not under the request", child)
			}
		}
		settle := called(t, of, "transaction: settle payment")
		if len(settle.Events) != 1 || settle.Events[0].Name != "order.paid" {
			t.Errorf("the transaction does not tell of its event: %v", settle.Events)
		}
		g.stop()
		for _, span := range s.all() {
			if strings.Contains(span.Name, "/queue") {
				t.Errorf("a span of %s", span.Name)
			}
			for _, a := range span.Attributes {
				if text := a.Value.GetStringValue(); strings.Contains(text, v.token) || strings.Contains(text, v.pass) {
					t.Errorf("a proof is told in %s of %s", a.Key, span.Name)
				}
			}
		}
	})
}

// published is the traceparent of the one CloudEvent in a stream.
func published(t *testing.T, stream string) string {
	t.Helper()
	client, err := openRedis(testenv.Redis(t))
	must(t, err)
	defer client.Close()
	messages, err := client.XRange(t.Context(), stream, "-", "+").Result()
	must(t, err)
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	body, _ := messages[0].Values["payload"].(string)
	var e struct {
		Traceparent string `json:"traceparent"`
	}
	must(t, json.Unmarshal([]byte(body), &e))
	return e.Traceparent
}

// The gateway that took the order dies; another one finds out what came of the payment
// and tells of it, in the same trace. A cancellation is in it too.
func TestATraceGoesOnAtAnotherGateway(t *testing.T) {
	t.Parallel()
	b, s := realBackend(t), collect(t)
	pay, err := startProvider("127.0.0.1:0", fakepay.Options{Late: time.Second})
	must(t, err)
	t.Cleanup(pay.Close)
	provider := overhear(t, pay.URL())
	configure := func(c *gatewayConfig) { c.PaymentURL = provider.url }
	one := b.serve(t, s.traces, configure)
	show := one.show(func(s map[string]any) { s["cancel_until"] = time.Now().Add(time.Hour).UTC().Format(time.RFC3339) })
	v := one.enters(show)
	held := v.hold("A-1-1").want(http.StatusCreated)
	order := v.payBy("card_late", held.text("hold"), "k").want(http.StatusAccepted)
	one.stop()

	two := b.serve(t, s.traces, configure)
	two.opens(show)
	v.g = two
	trace := v.becomes(order.text("order"), "paid").text("trace_id")
	v.is("finished")
	of := s.of(trace, "POST /v1/orders", "provider: charge", "reconcile", "provider: ask", "transaction: settle payment", "deliver order.paid to end-admission")
	first := called(t, of, "POST /v1/orders").gateway
	for _, name := range []string{"reconcile", "transaction: settle payment", "deliver order.paid to end-admission"} {
		if called(t, of, name).gateway == first {
			t.Errorf("%s was done by the gateway that had ended", name)
		}
	}
	two.do(call{method: "POST", path: "/v1/orders/" + order.text("order") + "/cancel", bearer: v.token}).want(http.StatusOK)
	v.becomes(order.text("order"), "refunded")
	of = s.of(trace, "cancel", "provider: refund", "transaction: settle refund", "deliver order.cancelled to mark-seats", "deliver order.refunded to mark-seats")
	if links := called(t, of, "cancel").Links; len(links) != 1 {
		t.Errorf("the cancellation is linked with %d requests", len(links))
	}
	for _, heard := range provider.heard() {
		if !strings.HasPrefix(heard, "00-"+trace+"-") {
			t.Errorf("the provider heard %q, not of %s", heard, trace)
		}
	}
}

// Nothing is told of a flow that is not sampled, whatever the caller wants; the order
// has its trace id all the same, and the provider hears it.
func TestWhatIsNotSampledIsNotTold(t *testing.T) {
	t.Parallel()
	s := collect(t)
	pay, err := startProvider("127.0.0.1:0", fakepay.Options{})
	must(t, err)
	t.Cleanup(pay.Close)
	provider := overhear(t, pay.URL())
	g := backend{}.serve(t, s.traces, func(c *gatewayConfig) { c.TraceRatio, c.PaymentURL = 0, provider.url })
	v := g.enters(g.show())
	held := v.hold("A-1-1").want(http.StatusCreated)
	parent := strings.TrimSuffix(theirParent, "0") + "1"
	paid := g.do(call{
		method: "POST", path: "/v1/orders", bearer: v.pass, key: "k", body: cardPayment(held.text("hold"), "card_ok"),
		header: map[string]string{"traceparent": parent},
	}).want(http.StatusCreated)
	v.is("finished")
	g.stop()
	if got := s.all(); len(got) > 0 || paid.text("trace_id") != theirTrace {
		t.Errorf("%d spans of %s", len(got), paid.body)
	}
	if heard := provider.heard(); len(heard) != 1 || !strings.HasPrefix(heard[0], "00-"+theirTrace) || !strings.HasSuffix(heard[0], "-00") {
		t.Errorf("the provider heard %v", heard)
	}
}

// A collector that is away is in nobody's way.
func TestACollectorThatIsAway(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t, func(c *gatewayConfig) { c.OTLPURL, c.TraceRatio = "http://127.0.0.1:1", 1 })
	v := g.enters(g.show())
	v.charge(50_000).want(http.StatusCreated)
	v.pay(v.hold("A-1-1").want(http.StatusCreated).text("hold"), "k").want(http.StatusCreated)
	v.is("finished")
}

func TestTracingIsConfiguredWithinBounds(t *testing.T) {
	t.Parallel()
	for _, ratio := range []string{"0", "1", "0.25"} {
		if _, _, errOut := runs(t, "serve", "--log-level", "loud", "--otlp-url", "https://c:4318/otlp", "--trace-ratio", ratio); strings.Contains(errOut, "TRACE") || strings.Contains(errOut, "OTLP") {
			t.Errorf("ratio %s: %s", ratio, errOut)
		}
	}
	for _, ratio := range []string{"-0.0001", "1.0001", "NaN"} {
		if code, _, errOut := runs(t, "serve", "--log-level", "loud", "--trace-ratio="+ratio); code != 1 || !strings.Contains(errOut, "FRONTROW_TRACE_RATIO must be from 0 to 1") {
			t.Errorf("ratio %s: exit code %d, %s", ratio, code, errOut)
		}
	}
	for _, target := range []string{"127.0.0.1:4318", "grpc://c:4317", "http://", "http://c?x=1"} {
		if code, _, errOut := runs(t, "serve", "--log-level", "loud", "--otlp-url", target); code != 1 || !strings.Contains(errOut, "FRONTROW_OTLP_URL must be") {
			t.Errorf("%s: exit code %d, %s", target, code, errOut)
		}
	}
}
