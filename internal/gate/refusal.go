package gate

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Refusal is what somebody is told who does not get through: a problem (RFC 9457).
type Refusal struct {
	Status     int
	Code       string
	Detail     string
	RetryAfter time.Duration
	Extra      map[string]any
}

// What the gate and the waiting room refuse alike.
var (
	CodeInvalid = &Refusal{Status: 403, Code: "code_invalid", Detail: "This code is not one of ours for this place, or is past its minute: go through the waiting room again."}
	CodeSpent   = &Refusal{Status: 403, Code: "code_spent", Detail: "This code was used before: go through the waiting room again."}
	Banned      = &Refusal{Status: 403, Code: "banned", Detail: "The organiser does not let you into this show."}
)

var (
	badURL  = &Refusal{Status: 400, Code: "malformed", Detail: "This address can be read in more than one way."}
	noRoute = &Refusal{Status: 421, Code: "no_route", Detail: "Nothing here answers for this host and path."}
	noShow  = &Refusal{Status: 404, Code: "show_not_found", Detail: "There is no show of that name."}
	tooMany = &Refusal{Status: 429, Code: "too_many_requests", Detail: "Too many requests: please wait a moment. No place is lost by it."}
	// mustWait is 503 and not 429, which blames the client, nor 403, which does not pass: the shop is busy, and
	// that is what Retry-After, caches and crawlers know 503 for.
	mustWait    = &Refusal{Status: 503, Code: "waiting", Detail: "There is a queue before this: take a place, wait to be let in, and ask again with it."}
	unavailable = &Refusal{Status: 503, Code: "unavailable", Detail: "Please try again in a moment.", RetryAfter: 5 * time.Second}
	noUpgrade   = &Refusal{Status: 400, Code: "malformed", Detail: "Connections become web sockets here, and nothing else."}
	noAnswer    = &Refusal{Status: 502, Code: "upstream_failed", Detail: "The shop does not answer.", RetryAfter: 5 * time.Second}
	lateAnswer  = &Refusal{Status: 504, Code: "upstream_timeout", Detail: "The shop takes too long to answer.", RetryAfter: 5 * time.Second}
)

// with returns the refusal with more members, and another time to wait.
func (r *Refusal) with(extra map[string]any, retryAfter time.Duration) *Refusal {
	more := *r
	more.Extra, more.RetryAfter = extra, retryAfter
	return &more
}

// Write answers with the problem.
func (r *Refusal) Write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store, private")
	if r.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(r.RetryAfter.Seconds()))))
	}
	body := map[string]any{
		"type": "about:blank", "title": http.StatusText(r.Status), "status": r.Status, "code": r.Code, "detail": r.Detail,
	}
	for member, value := range r.Extra {
		body[member] = value
	}
	raw, _ := json.Marshal(body) // texts and numbers: cannot fail
	w.WriteHeader(r.Status)
	_, _ = w.Write(raw) // who has gone is not told
}
