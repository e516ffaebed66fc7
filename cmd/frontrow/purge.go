package main

import (
	"context"
	"fmt"
	"time"

	"frontrow/booking"
)

// purgeCommand is for a timer, some nights after every show.
type purgeCommand struct {
	servers
	Days   int    `required:"" help:"For how many days a show must have been over, 1 to 3650."`
	Show   string `help:"The show; all that are over without it." placeholder:"SHOW"`
	DryRun bool   `name:"dry-run" help:"Say what there is to do, and do nothing."`
}

// mostDays is ten years.
const mostDays = 3650

// Run says by show what it did, and fails if a show is left alone that should not be.
func (p *purgeCommand) Run(ctx context.Context, to console) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.Days < 1 || p.Days > mostDays {
		return fmt.Errorf("--days must be from 1 to %d", mostDays)
	}
	dsn := p.MySQLDSN
	if p.embedded() {
		var err error
		if dsn, err = p.embeddedDatabase(ctx); err != nil {
			return err
		}
	}
	db, err := openDatabase(ctx, dsn)
	if err != nil {
		return err
	}
	defer closeDatabase(db)
	store := booking.New(db, nil, booking.Options{})
	before := store.Now() - (time.Duration(p.Days) * 24 * time.Hour).Microseconds()
	shows := []string{p.Show}
	if p.Show == "" {
		if shows, err = store.Over(ctx, before); err != nil {
			return err
		}
	}
	ctx = booking.WithActor(ctx, booking.Actor{Operator: "purge"})
	for _, show := range shows {
		done, purgeErr := store.Purge(ctx, show, before, p.DryRun)
		if purgeErr != nil {
			return fmt.Errorf("%s: %w", show, purgeErr)
		}
		if done.Open > 0 {
			err = errSilent
			fmt.Fprintf(to.out, "%s: left alone, %d holds, payments or deliveries are not at their end\n", show, done.Open)
			continue
		}
		fmt.Fprintf(to.out, "%s: %s%d visitors, kept %d who have points or seats elsewhere, removed %d deliveries\n",
			show, map[bool]string{true: "would: forgot ", false: "forgot "}[p.DryRun], done.Visitors, done.Kept, done.Deliveries)
	}
	return err
}
