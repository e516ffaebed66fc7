package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"frontrow/internal/invariant"
	"frontrow/queue"
)

// listPart is how many drawn visitors are asked for at a time.
const listPart = 100_000

// publicDraw checks a draw from what everybody may read.
func publicDraw(ctx context.Context, at, show string) ([]invariant.Violation, error) {
	at += "/v1/shows/" + url.PathEscape(show) + "/draw"
	body, err := fetch(ctx, at)
	if err != nil {
		return nil, err
	}
	var told struct {
		State      string `json:"state"`
		Commitment string `json:"commitment"`
		Seed       string `json:"seed"`
		Beacon     string `json:"beacon"`
		LobbyHash  string `json:"lobby_hash"`
		LobbyCount int64  `json:"lobby_count"`
	}
	err = json.NewDecoder(body).Decode(&told)
	_ = body.Close()
	if err != nil {
		return nil, fmt.Errorf("the draw of %s: %w", show, err)
	}
	if told.State != "drawn" {
		return nil, fmt.Errorf("the draw of %s is %s: there is no order to check yet", show, told.State)
	}
	list := make([]string, 0, max(0, min(told.LobbyCount, 10_000_000)))
	for {
		n, err := readList(ctx, fmt.Sprintf("%s/list?from=%d&count=%d", at, len(list), listPart), &list)
		if err != nil {
			return nil, err
		}
		if n == 0 || int64(len(list)) > told.LobbyCount {
			break
		}
	}
	return queue.AuditDrawn(queue.Draw{
		Show: show, Commitment: told.Commitment, Seed: told.Seed, Beacon: told.Beacon, LobbyHash: told.LobbyHash, LobbyCount: told.LobbyCount,
	}, list), nil
}

func readList(ctx context.Context, at string, list *[]string) (n int, err error) {
	body, err := fetch(ctx, at)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		*list = append(*list, lines.Text())
		n++
	}
	return n, lines.Err()
}

// fetch reads an address; who calls it closes the body.
func fetch(ctx context.Context, at string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s answered %s", at, response.Status)
	}
	return response.Body, nil
}
