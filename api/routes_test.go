package api

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"frontrow/booking"
	"frontrow/docs"
	"frontrow/queue"
)

func newAPI(t *testing.T) *API {
	t.Helper()
	keys, err := queue.NewKeyring(strings.Repeat("c2VjcmV0", 8))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	return New(Options{
		Queue: queue.New(queue.Options{Keys: keys, Logger: log}), Catalogue: booking.NewCatalogue(nil),
		Keys: keys, AdminToken: "operator", Registry: prometheus.NewRegistry(), Logger: log, Now: time.Now,
	})
}

var pathParameter = regexp.MustCompile(`[:*]([a-z]+)`)

// Every route stands in the document, and everything in the document has a route.
func TestRoutesAndDocumentAgree(t *testing.T) {
	t.Parallel()
	handler, err := newAPI(t).Handler()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, route := range handler.(*gin.Engine).Routes() {
		if route.Path == "/assets/*file" {
			continue // what the page is made of is no part of the interface
		}
		served[route.Method+" "+pathParameter.ReplaceAllString(route.Path, "{$1}")] = true
	}
	written := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			written[method+" "+path] = true
		}
	}
	for route := range served {
		if !written[route] {
			t.Errorf("%s is not in docs/openapi.yaml", route)
		}
	}
	for operation := range written {
		if !served[operation] {
			t.Errorf("%s is in docs/openapi.yaml alone", operation)
		}
	}
	if len(served) < 30 {
		t.Errorf("only %d routes were compared", len(served))
	}
}

// Whatever queue and sale refuse by name, visitors are told by a problem of their own.
func TestCatalogueHasEverySentinel(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, pkg := range []string{"queue", "booking"} {
		file, err := parser.ParseFile(token.NewFileSet(), "../"+pkg+"/errors.go", nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || !spec.Names[0].IsExported() || !strings.HasPrefix(spec.Names[0].Name, "Err") {
				return true
			}
			n++
			if name := pkg + "." + spec.Names[0].Name; !strings.Contains(string(source), "\t{"+name+", ") {
				t.Errorf("%s has no problem in the catalogue", name)
			}
			return true
		})
	}
	if n < 20 {
		t.Errorf("only %d sentinels were looked at", n)
	}
}

// An error that nobody foresaw is told to the log alone.
func TestUnknownErrorsAreOpaque(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(answer)
	c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
	newAPI(t).fail(c, errors.New("dial tcp 10.0.0.7:3306: password=hunter2"))
	if body := answer.Body.String(); answer.Code != 500 || strings.Contains(body, "hunter2") || !strings.Contains(body, `"code":"internal"`) {
		t.Errorf("told %d %s", answer.Code, body)
	}
}
