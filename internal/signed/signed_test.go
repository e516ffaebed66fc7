package signed

import (
	"errors"
	"testing"
	"time"
)

func TestWhatIsSignedIsChecked(t *testing.T) {
	t.Parallel()
	at, body := time.Unix(1_800_000_000, 0), []byte(`{"a":1}`)
	value := Sign("secret", at, body)
	for name, c := range map[string]struct {
		secret, value string
		now           time.Time
		body          string
		want          error
	}{
		"as signed":            {"secret", value, at, `{"a":1}`, nil},
		"at the tolerance":     {"secret", value, at.Add(Tolerance), `{"a":1}`, nil},
		"ahead, at it":         {"secret", value, at.Add(-Tolerance), `{"a":1}`, nil},
		"past the tolerance":   {"secret", value, at.Add(Tolerance + time.Second), `{"a":1}`, ErrStale},
		"from the future":      {"secret", value, at.Add(-Tolerance - time.Second), `{"a":1}`, ErrStale},
		"another body":         {"secret", value, at, `{"a":2}`, ErrSignature},
		"another secret":       {"secrets", value, at, `{"a":1}`, ErrSignature},
		"another time":         {"secret", "t=1800000001" + value[12:], at, `{"a":1}`, ErrSignature},
		"no signature":         {"secret", "", at, `{"a":1}`, ErrSignature},
		"no time":              {"secret", "t=,v1=" + value[18:], at, `{"a":1}`, ErrSignature},
		"not hex":              {"secret", "t=1800000000,v1=zz", at, `{"a":1}`, ErrSignature},
		"no secret configured": {"", Sign("", at, body), at, `{"a":1}`, ErrSignature},
	} {
		if err := Check(c.secret, c.value, c.now, []byte(c.body)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
