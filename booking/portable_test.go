package booking

import (
	"context"
	"io/fs"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pingcap/tidb/pkg/parser"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver"
	"gorm.io/gorm/logger"
)

// portable is a logger that reads every statement of a test as TiDB would, and
// fails the test for one that would not run everywhere.
type portable struct{ t *testing.T }

var parsers = sync.Pool{New: func() any { return parser.New() }}

// notEverywhere is what some servers of the family lack or get wrong.
var notEverywhere = regexp.MustCompile(`(?i)SKIP\s+LOCKED|SERIALIZABLE|\bRETURNING\b|^\s*UPDATE\b.*\bLIMIT\s+\d|FOREIGN\s+KEY|GET_LOCK`)

func notPortable(sql string) error {
	if m := notEverywhere.FindString(sql); m != "" {
		return errNotPortable(m)
	}
	p := parsers.Get().(*parser.Parser)
	defer parsers.Put(p)
	_, _, err := p.Parse(sql, "", "")
	return err
}

var comments = regexp.MustCompile(`(?m)^\s*--.*$`)

type errNotPortable string

func (e errNotPortable) Error() string { return "not portable: " + string(e) }

func (p portable) LogMode(logger.LogLevel) logger.Interface      { return p }
func (p portable) Info(context.Context, string, ...interface{})  {}
func (p portable) Warn(context.Context, string, ...interface{})  {}
func (p portable) Error(context.Context, string, ...interface{}) {}

func (p portable) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	sql, _ := fc()
	if err := notPortable(sql); err != nil && sql != "" {
		p.t.Errorf("%v: %.300s", err, sql)
	}
}

func TestMigrationsParseAsTiDB(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations, %v", len(files), err)
	}
	for _, file := range files {
		sql := comments.ReplaceAllString(string(must1(fs.ReadFile(migrations, file))(t)), "")
		for _, statement := range strings.Split(sql, ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if err := notPortable(statement); err != nil {
				t.Errorf("%s: %v in %s", file, err, statement)
			}
		}
	}
}

func TestNotPortableFindsWhatItLooksFor(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"SELECT 1 FROM t FOR UPDATE SKIP LOCKED",
		"UPDATE t SET a = 1 LIMIT 5",
		"INSERT INTO t VALUES (1) RETURNING id",
		"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
		"SELEC 1",
	} {
		if notPortable(sql) == nil {
			t.Errorf("taken for portable: %s", sql)
		}
	}
	if err := notPortable("SELECT a FROM t WHERE b = 'x' LIMIT 1"); err != nil {
		t.Error(err)
	}
}
