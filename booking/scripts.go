package booking

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// The scripts at the door; each file states its contract.
var (
	leaseScript    = script("lease")
	releaseScript  = script("release")
	handoverScript = script("handover")
	prolongScript  = script("prolong")
	markScript     = script("mark")
	viewScript     = script("view")
	loadScript     = script("load")
)

func script(name string) *redis.Script {
	src, err := luaFiles.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // embedded: it is there or the program does not build
	}
	return redis.NewScript(string(src))
}

// Scripts tells the SHA of every script by name, as Redis's slow log and its
// statistics show them.
func Scripts() map[string]string {
	return map[string]string{
		"lease":    leaseScript.Hash(),
		"release":  releaseScript.Hash(),
		"handover": handoverScript.Hash(),
		"prolong":  prolongScript.Hash(),
		"mark":     markScript.Hash(),
		"view":     viewScript.Hash(),
		"load":     loadScript.Hash(),
	}
}

// errUnloaded says that the door has no picture of this layout; the keeper
// brings one within a second or so.
var errUnloaded = fmt.Errorf("the door is not loaded: %w", ErrUnavailable)

// doorKeys are the keys of a show's door, all in the show's slot.
func doorKeys(show string) []string {
	door := "fr:{" + show + "}:door"
	return []string{door, door + ":states", door + ":leases", door + ":deadlines"}
}

// answer is what a script at the door said: its word, Redis's time in µs, and
// whatever else it returns.
type answer struct {
	word string
	now  int64
	rest []string
}

// atDoor runs a script at the show's door with the plan as its first argument,
// and takes note of the time and of the door's incarnation and version. It
// returns ErrUnavailable if Redis is away or the door is not loaded.
func (s *Store) atDoor(ctx context.Context, script *redis.Script, show Show, args ...any) (answer, error) {
	memory := s.doors.of(show.ID)
	before := memory.mark()
	reply, err := script.Run(ctx, s.rdb, doorKeys(show.ID), append([]any{show.plan()}, args...)...).StringSlice()
	if err != nil {
		return answer{}, failed("door of "+show.ID, err)
	}
	a, err := parseAnswer(reply)
	if err != nil {
		return a, fmt.Errorf("door of %s: %w", show.ID, err)
	}
	s.clock.heard(a.now)
	if len(a.rest) >= 2 {
		memory.heard(before, a.rest[0], number(a.rest[1]))
	}
	if a.word == "unloaded" {
		return a, fmt.Errorf("door of %s: %w", show.ID, errUnloaded)
	}
	return a, nil
}

func parseAnswer(reply []string) (answer, error) {
	if len(reply) < 2 {
		return answer{}, fmt.Errorf("script answered %q", reply)
	}
	a := answer{word: reply[0], now: number(reply[1]), rest: reply[2:]}
	if a.now == 0 {
		return a, errors.New("script told no time")
	}
	return a, nil
}

// number reads an integer that a script printed; 0 if it is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
