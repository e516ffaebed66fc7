package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"

	"frontrow/internal/testenv"
)

// The board of a million people is small, and a browser works its position out from it
// within half a percent, or five places, of the exact one.
// Not beside other tests: they would starve each other.
func TestAMillionOnTheBoard(t *testing.T) {
	g := realBackend(t).serve(t)
	show := g.show(func(spec map[string]any) { spec["admission"].(map[string]any)["admit"] = 0 })
	people := int64(1_000_000)
	if testenv.Race {
		people = 300_000
	}
	bits, exact := crowdOf(people)
	room := "fr:{" + show + "}:"
	must(t, g.redis.Set(t.Context(), room+"present", string(bits), 0).Err())
	must(t, g.redis.HSet(t.Context(), room+"room", "issued", people, "head", 100).Err())

	path := "/v1/shows/" + show + "/board"
	var board reply
	testenv.Wait(t, 10*time.Second, func() bool {
		board = g.do(call{method: "GET", path: path}).want(http.StatusOK)
		return board.number("tail") == people
	}, "the board does not know everybody")
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, err := zip.Write(board.body)
	must(t, err)
	must(t, zip.Close())
	t.Logf("%d bytes, %d gzipped", len(board.body), zipped.Len())
	if zipped.Len() > 4<<10 {
		t.Errorf("the board takes %d bytes gzipped, more than 4 KiB", zipped.Len())
	}

	position := boardPosition(t, board.body)
	worst := 0.0
	for number, want := range exact {
		got := position(number)
		off := math.Abs(float64(got - want))
		worst = math.Max(worst, off/math.Max(5, 0.005*float64(want)))
		if off > math.Max(5, 0.005*float64(want)) {
			t.Fatalf("number %d is at %d and reads %d", number, want, got)
		}
	}
	t.Logf("at worst %.2f of what a position may be off", worst)
}

// crowdOf draws who of so many is present: most in some stretches, few in others. It returns the
// bitmap, and the exact positions of some thousands, with numbers up to 100 called.
func crowdOf(people int64) (bits []byte, exact map[int64]int64) {
	random := rand.New(rand.NewPCG(1, 2))
	bits, exact = make([]byte, people/8+1), map[int64]int64{}
	position, share := int64(0), 0.7
	for number := int64(101); number <= people; number++ {
		if random.IntN(20_000) == 0 {
			share = random.Float64()
		}
		if random.Float64() > share {
			continue
		}
		bits[number/8] |= 0x80 >> (number % 8)
		position++
		if position < 2000 || random.IntN(100) == 0 {
			exact[number] = position
		}
	}
	return bits, exact
}

// boardPosition and boardChance are what web/board.js makes of a board.
func boardPosition(t *testing.T, board []byte) (position func(number int64) int64) {
	t.Helper()
	readBoard(t, board, "(number) => position(board, number)", &position)
	return position
}

func boardChance(t *testing.T, board []byte) (chance func(position int64) string) {
	t.Helper()
	readBoard(t, board, "(place) => chance(board, place)", &chance)
	return chance
}

func readBoard(t *testing.T, board []byte, function string, as any) {
	t.Helper()
	source, err := os.ReadFile("../../api/web/board.js")
	must(t, err)
	vm := goja.New()
	_, err = vm.RunString(strings.ReplaceAll(string(source), "export function", "function") +
		fmt.Sprintf("\nconst board = %s; const asked = %s;", board, function))
	must(t, err)
	asked, err := vm.RunString("asked")
	must(t, err)
	must(t, vm.ExportTo(asked, as))
}

func TestTheBoardIsPublic(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, b backend) {
		g := b.serve(t)
		show := g.show(func(spec map[string]any) { spec["admission"].(map[string]any)["admit"] = 0 })
		path := "/v1/shows/" + show + "/board"
		token := ""
		for range 30 {
			token = g.do(call{method: "POST", path: "/v1/shows/" + show + "/queue"}).want(http.StatusCreated).text("token")
		}
		var board reply
		testenv.Wait(t, 10*time.Second, func() bool {
			board = g.do(call{method: "GET", path: path}).want(http.StatusOK)
			return board.number("present") == 30
		}, "the board does not know everybody")
		if len(board.set) > 0 || !strings.HasPrefix(board.header.Get("Cache-Control"), "public, max-age=1") {
			t.Errorf("cookies %v, Cache-Control %q: a CDN cannot keep that", board.set, board.header.Get("Cache-Control"))
		}
		if forecast := board.json()["forecast"]; forecast != nil {
			t.Errorf("nobody is let in, and %v is foretold", forecast)
		}
		poll := g.do(call{method: "GET", path: "/v1/shows/" + show + "/queue", bearer: token}).want(http.StatusOK)
		if read := boardPosition(t, board.body)(poll.number("number")); read != poll.number("position") {
			t.Errorf("position %d by the board, %d by a poll", read, poll.number("position"))
		}

		// Compressed it says the same, and who has it is told so.
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.URL()+path, nil)
		must(t, err)
		request.Header.Set("Accept-Encoding", "gzip")
		response, err := client.Do(request)
		must(t, err)
		defer response.Body.Close()
		unzip, err := gzip.NewReader(response.Body)
		must(t, err)
		raw, err := io.ReadAll(unzip)
		must(t, err)
		var plain map[string]any
		must(t, json.Unmarshal(raw, &plain))
		if plain["present"] != 30.0 {
			t.Errorf("compressed, it says %s", raw)
		}
		testenv.Wait(t, 10*time.Second, func() bool { // unless a second passes between the two
			etag := g.do(call{method: "GET", path: path}).want(http.StatusOK).header.Get("ETag")
			again := g.do(call{method: "GET", path: path, header: map[string]string{"If-None-Match": etag}})
			return again.status == http.StatusNotModified && len(again.body) == 0
		}, "who has the board is sent it again")

		g.do(call{method: "GET", path: "/v1/shows/no-such-show/board"}).problem(http.StatusNotFound, "show_not_found")
	})
}
