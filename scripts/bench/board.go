package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// board measures the public board once some have left, here and there: a line without
// gaps would be told in fewer bytes than a real one.
func (b *bench) board(ctx context.Context) error {
	what := "board, gzipped, " + figure(float64(b.size())) + " waiting"
	want := atMost(4096)
	body, err := b.getBoard(ctx)
	if err != nil {
		b.table.absent(what, want, err.Error())
		return nil
	}
	left, err := b.line.thin()
	if err != nil {
		return err
	}
	var sizes []float64
	for range 3 {
		time.Sleep(1500 * time.Millisecond) // a board of the next second
		if body, err = b.getBoard(ctx); err != nil {
			return err
		}
		n, err := gzipped(body)
		if err != nil {
			return err
		}
		sizes = append(sizes, float64(n))
	}
	b.table.add(what, "bytes", sizes, want).Note = fmt.Sprintf("%s as text, after %s left", figure(float64(len(body))), figure(float64(left)))
	return nil
}

func (b *bench) getBoard(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+b.line.gateway.address+"/v1/shows/"+benchShow+"/board", nil)
	if err != nil {
		return nil, err
	}
	response, err := operator.Do(request) // which asks for gzip by itself, and undoes it
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("not there")
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", response.StatusCode)
	}
	return io.ReadAll(response.Body)
}

func gzipped(body []byte) (int, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(body); err != nil {
		return 0, err
	}
	err := w.Close()
	return packed.Len(), err
}

// thin has a tenth of the sample leave the line, and tells how many.
func (l *line) thin() (left int, err error) {
	var requests [][]byte
	for c := range l.samples {
		s := &l.samples[c]
		leavers := len(s.tokens) / 10
		for _, token := range s.tokens[:leavers] {
			requests = append(requests, request("DELETE", l.path(), token, "", ""))
		}
		s.tokens = s.tokens[leavers:]
	}
	o, err := load{
		address: l.gateway.address, most: len(requests),
		next: func(c, n int) []byte { return requests[n*connections+c] },
	}.forTime(time.Minute)
	return o.asked, err
}
