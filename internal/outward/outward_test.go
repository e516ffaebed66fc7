package outward

import "testing"

func TestRefuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{
		200: false, 302: false, 399: false, 400: true, 401: true, 404: true, 408: false, 409: true, 425: false, 429: false, 499: true, 500: false, 503: false,
	} {
		if Refuses(status) != want {
			t.Errorf("%d refuses: %v", status, !want)
		}
	}
}
