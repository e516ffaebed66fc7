package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"frontrow/api"
	"frontrow/booking"
	"frontrow/internal/hall"
)

type seedCommand struct {
	servers
	File string `type:"existingfile" help:"A show, as YAML or JSON. Without it: the show demo." placeholder:"PATH"`
}

// Run creates the show, or makes an existing one what the file says.
func (s *seedCommand) Run(ctx context.Context, to console) error {
	if err := s.check(); err != nil {
		return err
	}
	spec, err := s.spec()
	if err != nil {
		return err
	}
	dsn := s.MySQLDSN
	if s.embedded() {
		if dsn, err = s.embeddedDatabase(ctx); err != nil {
			return err
		}
	}
	db, err := openDatabase(ctx, dsn)
	if err != nil {
		return err
	}
	defer closeDatabase(db)
	ctx = booking.WithActor(ctx, booking.Actor{Operator: "seed"})
	show, created, err := booking.New(db, nil, booking.Options{}).PutShow(ctx, spec)
	if err != nil {
		return err
	}
	did := "updated"
	if created {
		did = "created"
	}
	_, err = fmt.Fprintf(to.out, "%s show %s: %d seats, %s\n", did, show.ID, show.SeatCount, show.Phase)
	return err
}

// embeddedDatabase is the file of the embedded default, made if there is none yet.
// A gateway may be running on it: SQLite lets one write at a time.
func (s servers) embeddedDatabase(ctx context.Context) (string, error) {
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	dsn := "file:" + filepath.Join(s.DataDir, sqliteFile)
	db, err := booking.Open(dsn)
	if err != nil {
		return "", err
	}
	defer closeDatabase(db)
	_, err = booking.Migrate(ctx, db)
	return dsn, err
}

func (s *seedCommand) spec() (booking.Spec, error) {
	if s.File == "" {
		return demoShow("demo", 500)
	}
	raw, err := os.ReadFile(s.File)
	if err != nil {
		return booking.Spec{}, err
	}
	spec, err := readShow(raw)
	if err != nil {
		return spec, fmt.Errorf("%s: %w", s.File, err)
	}
	return spec, nil
}

// readShow reads a show file. JSON is YAML too.
func readShow(raw []byte) (spec booking.Spec, err error) {
	if raw, err = yaml.YAMLToJSON(raw); err != nil {
		return spec, fmt.Errorf("not YAML: %s", yaml.FormatError(err, false, false))
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		return spec, fmt.Errorf("not a show: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return spec, errors.New("not a show: there is more behind it")
	}
	return api.WithRules(spec)
}

// demoShow is a show to try: the waiting is short, and a lost Redis soon recovered.
func demoShow(id string, seats int) (booking.Spec, error) {
	sections, err := hall.Arena(seats)
	if err != nil {
		return booking.Spec{}, err
	}
	raw, err := json.Marshal(map[string]any{
		"show": id, "title": "The Demo Tour", "venue": "Small Hall", "currency": "KRW", "phase": "open",
		"hold_seconds": 300, "max_seats": 4,
		"admission": map[string]any{
			"admit": 10, "interval_ms": 1000, "max_active": 100, "claim_seconds": 60, "session_seconds": 600,
			"session_max_seconds": 1800, "absence_seconds": 30, "return_seconds": 600,
		},
		"sections": sections,
	})
	if err != nil {
		return booking.Spec{}, err
	}
	return readShow(raw)
}
