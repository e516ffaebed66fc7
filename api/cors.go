package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/rs/cors"
)

// preflightLasts is how long browsers remember what a page of another origin may ask.
const preflightLasts = 10 * time.Minute

// forOthers lets pages of a shop's own origins call what visitors call, with cookies as far as the
// browser sends them, and by token. Nobody else may: neither by pattern, nor from a file or a
// sandbox, whose origin is `null`. The operator's interface is for no page but ours.
func (a *API) forOthers(next http.Handler) http.Handler {
	if len(a.ShopOrigins) == 0 {
		return next
	}
	shared := cors.New(cors.Options{
		AllowedOrigins:   a.ShopOrigins,
		AllowCredentials: true,
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders:   []string{"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Traceparent", "X-Frontrow", customerHeader, proofHeader, requestIDHeader},
		ExposedHeaders:   []string{"ETag", "Retry-After", requestIDHeader},
		MaxAge:           int(preflightLasts / time.Second),
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isVisitors(r.URL.Path) {
			shared.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isVisitors tells whether a path is of the interface of visitors.
func isVisitors(path string) bool {
	rest, ok := strings.CutPrefix(path, "/v1/")
	of, _, _ := strings.Cut(rest, "/")
	switch of {
	case "shows", "holds", "orders", "wallet":
		return ok
	}
	return false
}
