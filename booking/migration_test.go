package booking

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"frontrow/internal/testenv"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// models are all tables that the package writes.
var models = []any{
	&showRow{}, &sectionRow{}, &seatRow{}, &holdRow{}, &limitRow{}, &walletRow{}, &entryRow{}, &orderRow{},
	&ticketRow{}, &eventRow{}, &deliveryRow{}, &tryRow{}, &minuteRow{}, &queueRow{}, &admissionRow{},
	&drawRow{}, &chunkRow{}, &paymentRow{}, &stepRow{}, &auditRow{}, &listedRow{}, &pictureRow{}, &banRow{},
}

func TestMigrateBringsAnEmptyDatabaseUpAndThenHasNothingToDo(t *testing.T) {
	t.Parallel()
	testenv.EachDatabase(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		wantError(t, CheckSchema(t.Context(), db), ErrSchemaBehind)
		if n := must1(Migrate(t.Context(), db))(t); n == 0 {
			t.Error("nothing applied to an empty database")
		}
		must0(t, CheckSchema(t.Context(), db))
		if n := must1(Migrate(t.Context(), db))(t); n != 0 {
			t.Errorf("%d migrations applied twice", n)
		}
		must0(t, db.Exec("DELETE FROM goose_db_version WHERE version_id = (SELECT v FROM (SELECT MAX(version_id) AS v FROM goose_db_version) AS x)").Error)
		wantError(t, CheckSchema(t.Context(), db), ErrSchemaBehind)
	})
}

func TestMigrateFromManyMachinesAtOnce(t *testing.T) {
	t.Parallel()
	dsn := testenv.MySQL(t)
	applied := make([]int, 4)
	var running sync.WaitGroup
	for i := range applied {
		db := openDB(t, dsn)
		running.Go(func() {
			n, err := Migrate(t.Context(), db)
			if err != nil {
				t.Error(err)
			}
			applied[i] = n
		})
	}
	running.Wait()
	slices.Sort(applied)
	if applied[3] == 0 || applied[2] != 0 {
		t.Errorf("applied %v: one machine should have done it all", applied)
	}
}

func TestModelsAndSchemaAgree(t *testing.T) {
	t.Parallel()
	testenv.EachDatabase(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		must1(Migrate(t.Context(), db))(t)
		var known []string
		for _, model := range models {
			table, fields := modelColumns(t, db, model)
			known = append(known, table)
			var columns []string
			for _, c := range must1(db.Migrator().ColumnTypes(model))(t) {
				columns = append(columns, c.Name())
			}
			slices.Sort(columns)
			if !slices.Equal(fields, columns) {
				t.Errorf("%s: model has %v, schema has %v", table, fields, columns)
			}
		}
		for _, table := range must1(db.Migrator().GetTables())(t) {
			if !slices.Contains(known, table) && !strings.HasPrefix(table, "goose_") && !strings.HasPrefix(table, "sqlite_") {
				t.Errorf("table %s has no model", table)
			}
		}
	})
}

func modelColumns(t *testing.T, db *gorm.DB, model any) (table string, columns []string) {
	t.Helper()
	s := must1(schema.Parse(model, &sync.Map{}, db.NamingStrategy))(t)
	columns = slices.Clone(s.DBNames)
	slices.Sort(columns)
	return s.Table, columns
}

// A database's default collation may ignore case; the tables' must not.
func TestIDsCompareByteByByte(t *testing.T) {
	t.Parallel()
	testenv.EachDatabase(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		if db.Name() != sqliteName {
			must0(t, db.Exec("ALTER DATABASE "+db.Migrator().CurrentDatabase()+" COLLATE utf8mb4_general_ci").Error)
		}
		must1(Migrate(t.Context(), db))(t)
		s := New(db, nil, Options{})
		for _, v := range []string{"someone", "Someone"} {
			must1(s.Charge(t.Context(), v, 10, "key", "test"))(t)
		}
		must1(s.Charge(t.Context(), "someone", 20, "KEY", "test"))(t)
		if w := must1(s.Wallet(t.Context(), "Someone"))(t); w.Balance != 10 {
			t.Errorf("balance %d: two visitors were taken for one", w.Balance)
		}
		// MySQL pads texts with spaces to compare them, so such ids never get there.
		wantType[*InvalidError](t, second(s.Wallet(t.Context(), "someone ")))
		wantType[*InvalidError](t, second(s.Charge(t.Context(), "someone", 10, "key ", "test")))
		wantError(t, second(s.FindShow(t.Context(), "demo ")), ErrShowNotFound)
		wantError(t, second(s.FindHold(t.Context(), "someone", "01ARZ3NDEKTSV4RRFFQ69G5FAV ")), ErrHoldNotFound)
		wantError(t, second(s.FindOrder(t.Context(), "someone", "01arz3ndektsv4rrffq69g5fav")), ErrOrderNotFound)
	})
}

func second[T any](_ T, err error) error { return err }

func TestOpenRefusesWithoutRepeatingThePassword(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"not a DSN":       "hunter2",
		"a URL":           "mysql://user:hunter2@host/db",
		"no database":     "user:hunter2@tcp(127.0.0.1:1)/",
		"in memory":       "file::memory:?password=hunter2",
		"no path":         "file:",
		"bad parameters":  "file:x.db?hunter2=%zz",
		"bad TLS setting": "user:hunter2@tcp(127.0.0.1:1)/db?tls=nonsense",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(dsn)
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestOpenTellsThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	if _, err := Open("user:hunter2@tcp(127.0.0.1:1)/db"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

func TestSessionsAreSetUp(t *testing.T) {
	t.Parallel()
	db := openDB(t, testenv.MySQL(t))
	for pattern, want := range map[string]string{
		"innodb_lock_wait_timeout": "5",
		"collation_connection":     "utf8mb4_bin",
		"t%\\_isolation":           "READ-COMMITTED", // the name differs
	} {
		var name, value string
		must0(t, db.Raw("SHOW SESSION VARIABLES LIKE '"+pattern+"'").Row().Scan(&name, &value))
		if value != want {
			t.Errorf("%s is %s, want %s", name, value, want)
		}
	}
}

// What tests start from is what the migrations make.
func TestACopyIsWhatWasMigrated(t *testing.T) {
	testenv.EachDatabase(t, func(t *testing.T, dsn string) {
		testenv.Migrated(t, dsn, Open, Migrate)
		db := openDB(t, dsn)
		if err := CheckSchema(t.Context(), db); err != nil {
			t.Error(err)
		}
		if n := must1(Migrate(t.Context(), db))(t); n != 0 {
			t.Errorf("%d migrations were left to apply", n)
		}
		if !db.Migrator().HasTable("orders") {
			t.Error("there are no orders")
		}
	})
}
