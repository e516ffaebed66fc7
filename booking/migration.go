package booking

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/gorm"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the database to this version and tells how many migrations it
// applied. Any number of machines may run it at once on the same server: one
// works, the others wait for it (up to five minutes) and find nothing to do.
func Migrate(ctx context.Context, db *gorm.DB) (applied int, err error) {
	p, err := migrator(db)
	if err != nil {
		return 0, failed("migrate", err)
	}
	results, err := p.Up(ctx)
	if err != nil {
		return 0, failed("migrate", err)
	}
	return len(results), nil
}

// CheckSchema returns ErrSchemaBehind if migrations of this version have not
// been applied. A schema that is ahead passes: migrations only add, so that
// gateways of the last version go on working while the new one rolls out.
func CheckSchema(ctx context.Context, db *gorm.DB) error {
	p, err := migrator(db)
	if err != nil {
		return failed("check schema", err)
	}
	sources := p.ListSources()
	want := sources[len(sources)-1].Version
	if !db.WithContext(ctx).Migrator().HasTable(goose.DefaultTablename) {
		if err := db.WithContext(ctx).Exec("SELECT 1").Error; err != nil {
			return failed("check schema", err)
		}
		return fmt.Errorf("check schema: no migration applied of %d: %w", want, ErrSchemaBehind)
	}
	var have sql.NullInt64
	err = db.WithContext(ctx).
		Raw("SELECT MAX(version_id) FROM goose_db_version WHERE is_applied = ?", true).
		Row().Scan(&have)
	if err != nil {
		return failed("check schema", err)
	}
	if have.Int64 < want {
		return fmt.Errorf("check schema: at %d of %d: %w", have.Int64, want, ErrSchemaBehind)
	}
	return nil
}

func migrator(db *gorm.DB) (*goose.Provider, error) {
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	if db.Name() == sqliteName {
		// The file belongs to one process; nobody else migrates it meanwhile.
		return goose.NewProvider(goose.DialectSQLite3, pool, files)
	}
	// A table and not GET_LOCK: Galera and TiDB know no locks by name.
	locker, err := lock.NewMySQLTableLocker(lock.WithTableLockTimeout(500*time.Millisecond, 600))
	if err != nil {
		return nil, errors.Join(errors.New("migration lock"), err)
	}
	return goose.NewProvider(goose.DialectMySQL, pool, files, goose.WithLocker(locker))
}
