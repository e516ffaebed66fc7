package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
)

// Migrated brings an empty database, as SQLite or MySQL returns it, to what migrate makes of one
// that open opened. That is done once in a process and server, and copied from then on: every
// test wants a database of its own, and migrations take longer than most tests.
func Migrated(t testing.TB, dsn string, open func(dsn string) (*gorm.DB, error), migrate func(context.Context, *gorm.DB) (int, error)) {
	t.Helper()
	once := func(dsn string) error {
		db, err := open(dsn)
		if err != nil {
			return err
		}
		pool, err := db.DB()
		if err != nil {
			return err
		}
		_, err = migrate(context.Background(), db)
		return errors.Join(err, pool.Close())
	}
	if path, ok := strings.CutPrefix(dsn, "file:"); ok {
		model, err := modelFile(once)
		must(t, err)
		must(t, os.WriteFile(path, model, 0o600))
		return
	}
	model, err := modelTables(inDatabase(dsn, ""), once)
	must(t, err)
	must(t, withConn(several(dsn), func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, model)
		return err
	}))
}

// models are the databases that others are copies of, by their server; "" for files.
var models struct {
	sync.Mutex
	made map[string]func() (string, error)
}

// model is what make made for a server, once.
func model(server string, make func() (string, error)) (string, error) {
	models.Lock()
	if models.made == nil {
		models.made = map[string]func() (string, error){}
	}
	once, ok := models.made[server]
	if !ok {
		once = sync.OnceValues(make)
		models.made[server] = once
	}
	models.Unlock()
	return once()
}

// modelFile is the content of a database file that was migrated.
func modelFile(migrate func(dsn string) error) ([]byte, error) {
	text, err := model("", func() (string, error) {
		dir, err := scratchDir("model")
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, "model.db")
		if err := migrate("file:" + path); err != nil {
			return "", err
		}
		if left, err := filepath.Glob(path + "-*"); err != nil || len(left) > 0 {
			return "", fmt.Errorf("the migrated file was not closed: %v beside it: %w", left, err)
		}
		raw, err := os.ReadFile(path)
		return string(raw), err
	})
	return []byte(text), err
}

// modelTables are the statements that make the tables of a database that was migrated, with
// what is in them.
func modelTables(server string, migrate func(dsn string) error) (string, error) {
	return model(server, func() (string, error) {
		name, err := newDatabase(server)
		if err != nil {
			return "", err
		}
		defer func() { _ = execute(server, "DROP DATABASE "+name) }()
		dsn := inDatabase(server, name)
		if err := migrate(dsn); err != nil {
			return "", err
		}
		var all strings.Builder
		err = withConn(dsn, func(ctx context.Context, db *sql.DB) error {
			tables, err := list(ctx, db, "SHOW TABLES")
			for _, table := range tables {
				err = errors.Join(err, describe(ctx, db, table, &all))
			}
			return err
		})
		return all.String(), err
	})
}

// describe writes the statements that make a table and its rows.
func describe(ctx context.Context, db *sql.DB, table string, to *strings.Builder) error {
	var create string
	if err := db.QueryRowContext(ctx, "SHOW CREATE TABLE "+table).Scan(&table, &create); err != nil {
		return err
	}
	columns, err := list(ctx, db, "SELECT CONCAT('QUOTE(', column_name, ')') FROM information_schema.columns"+
		" WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position", table)
	if err != nil {
		return err
	}
	rows, err := list(ctx, db, "SELECT CONCAT_WS(', ', "+strings.Join(columns, ", ")+") FROM "+table)
	to.WriteString(create + ";\n")
	for _, row := range rows {
		to.WriteString("INSERT INTO " + table + " VALUES (" + row + ");\n")
	}
	return err
}

// list is the one column of a query's rows.
func list(ctx context.Context, db *sql.DB, query string, args ...any) (all []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// several lets more than one statement be sent at once.
func several(dsn string) string {
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		panic("testenv: " + err.Error())
	}
	config.MultiStatements = true
	return config.FormatDSN()
}
