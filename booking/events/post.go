package events

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"frontrow/internal/flow"
	"frontrow/internal/outward"
)

// service is one that is told by HTTP POST.
type service struct {
	url    string
	client *http.Client
}

// newService keeps as many connections as there are workers.
func newService(url string) service {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = usualWorkers
	return service{url, outward.NewClient(transport)}
}

func (o service) close() error {
	o.client.CloseIdleConnections()
	return nil
}

// post sends a body. An answer 2xx is nil. Another 4xx than 408, 425 and 429 is
// Permanent; everything else is for later, not before the Retry-After of the answer.
func (o service) post(ctx context.Context, contentType string, header map[string]string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url, bytes.NewReader(body))
	if err != nil {
		return Permanent(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", "frontrow")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	if parent := flow.Parent(ctx); parent != "" {
		request.Header.Set(flow.Header, parent)
	}
	answer, err := o.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, maxSaid)) // what went wrong shows in the status already
	if answer.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("answered %s: %s", answer.Status, strings.TrimSpace(string(said)))
	if outward.Refuses(answer.StatusCode) {
		return Permanent(err)
	}
	return After(err, retryAfter(answer.Header.Get("Retry-After"), time.Now()))
}

// maxSaid is how much of an answer is read for the log, bytes.
const maxSaid = 300

// retryAfter reads the header of that name: seconds, or a date; 0 for neither.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(0, seconds), int(longestAfter.Seconds()))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
