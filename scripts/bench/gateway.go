package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// gateway is a Frontrow that runs, as its operator sees it.
type gateway struct {
	process *process
	address string // host:port
	ops     string
}

var operator = &http.Client{Timeout: time.Minute}

// admin asks the operator's interface, and reads the answer into v, which may be nil.
func (g *gateway) admin(want int, method, path string, body, v any) error {
	return g.expect(want, method, "http://"+g.address+"/v1/admin"+path, body, v)
}

// expect sends a request with the admin token; any status but the wanted is an error.
func (g *gateway) expect(want int, method, url string, body, v any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+benchAdmin)
	response, err := operator.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: %d %.300s", method, request.URL.Path, response.StatusCode, text)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(text, v)
}

// makeShow makes an open show into which nobody is let yet, and nobody's time runs
// out; and waits until its queue and its seats are there.
func (g *gateway) makeShow(show string, sections any) error {
	if err := g.admin(http.StatusCreated, "POST", "/shows", map[string]any{
		"show": show, "title": show, "phase": "open", "sections": sections,
		"admission": map[string]any{
			"admit": 0, "interval_ms": 1000, "max_active": 1_000_000, "claim_seconds": 3600, "session_seconds": 3600,
			"session_max_seconds": 3600, "absence_seconds": 3600, "return_seconds": 3600,
			"polls_per_ten_seconds": 0, // a thousand places poll as fast as they are answered

			"seats_per_visitor_percent": 0, // and thousands go after few seats
		},
	}, nil); err != nil {
		return err
	}
	return g.process.within(30*time.Second, func() error { return g.opened(show) })
}

// opened tells by an error that the gateway does not serve the show yet.
func (g *gateway) opened(show string) error {
	if _, err := g.stats(show); err != nil {
		return err
	}
	return g.expect(http.StatusOK, "GET", "http://"+g.address+"/v1/shows/"+show+"/seats/state", nil, nil)
}

// changeRules changes some rules of a show's admission.
func (g *gateway) changeRules(show string, rules map[string]any) error {
	return g.admin(http.StatusOK, "PATCH", "/shows/"+show+"/admission", rules, nil)
}

// stats are what the operator sees of a queue.
type stats struct {
	Active   int `json:"active"`
	Admitted int `json:"admitted"`
}

func (g *gateway) stats(show string) (s stats, err error) {
	return s, g.admin(http.StatusOK, "GET", "/shows/"+show+"/stats", nil, &s)
}

// heap is the gateway's live memory in bytes right after a collection: the least of
// some samples, since loops that run beside add to it and nothing takes from it.
func (g *gateway) heap() (float64, error) {
	const name = "# HeapAlloc = "
	least := math.Inf(1)
	for range 5 {
		var text bytes.Buffer
		if err := g.fetch("/debug/pprof/heap?gc=1&debug=1", &text); err != nil {
			return 0, err
		}
		_, rest, ok := strings.Cut(text.String(), name)
		value, _, _ := strings.Cut(rest, "\n")
		now, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return 0, fmt.Errorf("the profile of the heap tells no HeapAlloc: %w", err)
		}
		least = min(least, now)
		time.Sleep(200 * time.Millisecond)
	}
	return least, nil
}

func (g *gateway) fetch(path string, to io.Writer) error {
	response, err := operator.Get("http://" + g.ops + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %d", path, response.StatusCode)
	}
	_, err = io.Copy(to, response.Body)
	return err
}
