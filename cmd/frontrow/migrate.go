package main

import (
	"context"
	"errors"
	"fmt"

	"frontrow/booking"
)

type migrateCommand struct {
	MySQLDSN string `name:"mysql-dsn" env:"FRONTROW_MYSQL_DSN" help:"user:pass@tcp(host:3306)/frontrow" placeholder:"DSN"`
}

// Run brings the database to this version; any number of machines may at once.
func (m *migrateCommand) Run(ctx context.Context, to console) error {
	if m.MySQLDSN == "" {
		return errors.New("FRONTROW_MYSQL_DSN is empty: the embedded default migrates by itself")
	}
	if err := (servers{RedisURL: "redis://unused", MySQLDSN: m.MySQLDSN}).check(); err != nil {
		return err
	}
	db, err := booking.Open(m.MySQLDSN)
	if err != nil {
		return err
	}
	defer closeDatabase(db)
	applied, err := booking.Migrate(ctx, db)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.out, "%d migrations applied; the schema is up to date\n", applied)
	return err
}
