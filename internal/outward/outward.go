// Package outward is what all calls to services of others have in common.
package outward

import "net/http"

// NewClient makes a client that follows no redirect: what one leads to was not configured.
func NewClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Refuses tells whether a status says that asking again for the same cannot help: the
// service does not understand, or does not want to. One that is busy may.
func Refuses(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return status/100 == 4
}
