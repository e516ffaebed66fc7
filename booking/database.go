package booking

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// sqliteName is what gorm calls the embedded database.
const sqliteName = "sqlite"

// Open opens the database that dsn names: an SQLite file for "file:…", else a
// MySQL-compatible server in the form of go-sql-driver
// (user:pass@tcp(host:3306)/name), or several nodes of one (tcp(h1:3306,h2:3306)), of
// which the first that serves is used. What makes the two agree is set here and
// not left to the user: affected rows are the rows that matched, strict mode,
// READ COMMITTED, times in UTC. It returns an error that does not repeat the
// password if the dsn cannot be read or nobody answers there.
func Open(dsn string) (*gorm.DB, error) {
	open := openMySQL
	if strings.HasPrefix(dsn, "file:") {
		open = openSQLite
	}
	db, err := open(dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

func gormConfig() *gorm.Config {
	return &gorm.Config{
		TranslateError:         true,
		SkipDefaultTransaction: true, // a single statement is a transaction already
		Logger:                 logger.Discard,
	}
}

func openSQLite(dsn string) (*gorm.DB, error) {
	path, query, _ := strings.Cut(dsn, "?")
	given, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("parameters of the SQLite DSN: %w", err)
	}
	if path == "file:" || strings.Contains(path, ":memory:") || given.Get("mode") == "memory" {
		return nil, errors.New("the SQLite DSN must name a file: file:/path/to/frontrow.db")
	}
	// WAL lets readers read while one writes; FULL keeps an answered sale
	// through a power cut; immediate takes the write lock at BEGIN, because a
	// transaction that asks for it half-way is refused (tried: 4,596 BUSY).
	for _, p := range []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"} {
		given.Add("_pragma", p)
	}
	given.Set("_txlock", "immediate")
	db, err := gorm.Open(sqlite.Open(path+"?"+given.Encode()), gormConfig())
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	// One writes at a time whatever their number; the rest are for readers.
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	return db, nil
}

func openMySQL(dsn string) (*gorm.DB, error) {
	servers, cfg, err := openNodes(dsn)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(servers)
	// The door lets few through to the database, and 32 short transactions at
	// once are more than a server of 16 cores runs side by side. All may stay
	// idle, or every burst pays for connecting. Five minutes is shorter than any
	// wait_timeout, and lets a fleet spread again after a failover.
	pool.SetMaxOpenConns(32)
	pool.SetMaxIdleConns(32)
	pool.SetConnMaxLifetime(5 * time.Minute)
	db, err := gorm.Open(gormmysql.New(gormmysql.Config{
		Conn:                 pool,
		DSNConfig:            cfg,
		DisableWithReturning: true, // MariaDB alone has it
	}), gormConfig())
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

func mysqlConfig(dsn string) (*mysql.Config, error) {
	if scheme, _, ok := strings.Cut(dsn, "://"); ok && !strings.ContainsAny(scheme, "@/(") {
		return nil, fmt.Errorf("a DSN is not a URL: write user:pass@tcp(host:3306)/name, without %s://", scheme)
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("the DSN must look like user:pass@tcp(host:3306)/name: %w", err)
	}
	if cfg.DBName == "" {
		return nil, errors.New("the DSN names no database: user:pass@tcp(host:3306)/name")
	}
	cfg.ClientFoundRows = true   // affected rows = rows that matched, as SQLite counts
	cfg.InterpolateParams = true // one round trip a statement instead of two
	cfg.ParseTime = true         // the table of migrations has the one column of times
	cfg.MultiStatements = false
	cfg.RejectReadOnly = true // after a failover: find the new primary
	cfg.Loc = time.UTC
	cfg.Collation = "utf8mb4_bin"
	cfg.Logger = &mysql.NopLogger{} // errors are returned, not printed
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["sql_mode"] = "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
	// A row is held for milliseconds; who waits longer than this for one is
	// better told so than kept on a connection for the default of 50 s.
	cfg.Params["innodb_lock_wait_timeout"] = "5"
	for d, def := range map[*time.Duration]time.Duration{
		&cfg.Timeout: 5 * time.Second, &cfg.ReadTimeout: 15 * time.Second, &cfg.WriteTimeout: 15 * time.Second,
	} {
		if *d == 0 {
			*d = def
		}
	}
	return cfg, nil
}
