package api

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"frontrow/internal/hall"
)

// A hall of 50,000 seats is compressed to a sixth on its way, and its states, as a sale leaves
// them, to a quarter.
func TestTheHallIsSmallOnTheWay(t *testing.T) {
	t.Parallel()
	sections, err := hall.Arena(50_000)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := json.Marshal(map[string]any{"layout_version": 1, "currency": "KRW", "sections": sections})
	if err != nil {
		t.Fatal(err)
	}
	states := []byte(strings.Repeat("f", 50_000))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for range 12_000 {
		at, n := random.IntN(len(states)-4), 1+random.IntN(4)
		copy(states[at:at+n], strings.Repeat(string("hs"[random.IntN(2)]), n))
	}
	for _, c := range []struct {
		what  string
		plain []byte
		level int
		part  int
	}{{"layout", layout, zipWell, 6}, {"states", states, zipQuickly, 4}} {
		since := time.Now()
		size := len(zip(c.plain, c.level))
		t.Logf("%s: %d bytes, compressed %d, in %s", c.what, len(c.plain), size, time.Since(since))
		if size*c.part > len(c.plain) {
			t.Errorf("%s: %d of %d bytes", c.what, size, len(c.plain))
		}
	}
}

// What is compressed is made once for its ETag, and anew for another.
func TestZipsAreMadeOnce(t *testing.T) {
	t.Parallel()
	var z zips
	made := 0
	plain := func() []byte { made++; return []byte("seats") }
	for _, etag := range []string{"1", "1", "2", "2"} {
		z.of("states", etag, zipQuickly, plain)
	}
	if z.of("layout", "2", zipQuickly, plain); made != 3 {
		t.Errorf("made %d times", made)
	}
}

// A compressed page is the page, and what no part of it is known is as long as it was.
func TestOfPagesTheStyleAloneIsCompressed(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	plain := a.ask(t, "/?secret=0123456789abcdef", nil)
	zipped := a.ask(t, "/?secret=0123456789abcdef", map[string]string{"Accept-Encoding": "gzip, br"})
	if got := zipped.Header(); got.Get("Content-Encoding") != "gzip" || !strings.Contains(got.Get("Vary"), "Accept-Encoding") {
		t.Errorf("sent as %v", got)
	}
	size := zipped.Body.Len()
	r, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := io.ReadAll(r); err != nil || string(read) != plain.Body.String() {
		t.Errorf("%v: read %d bytes of %d", err, len(read), plain.Body.Len())
	}
	saved := len(ground().plain) - len(ground().deflated)
	if saved < 3000 || size < plain.Body.Len()-saved || size > plain.Body.Len()-saved+64 {
		t.Errorf("%d bytes, %d compressed, of which the style should save %d", plain.Body.Len(), size, saved)
	}
}
