//go:build deploy

package deploy

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"frontrow/internal/testenv"
)

// restoreDrill is the operator's book's, as written there, from the database of this night
// into another.
func (n *night) restoreDrill() {
	t := n.t
	t.Helper()
	raw, err := os.ReadFile("../docs/operations.md")
	must(t, err)
	_, rest, begun := strings.Cut(string(raw), "<!-- restore drill: a test runs this -->\n```sh\n")
	script, _, ended := strings.Cut(rest, "```")
	if !begun || !ended {
		t.Fatal("the book has no restore drill")
	}
	target := testenv.OwnMySQL(t, "--defaults-file="+absolute(t, "mysql/frontrow.cnf")).DSN()
	listen := testenv.FreeAddress(t)
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", strings.ReplaceAll(script, "127.0.0.1:8099", listen))
	cmd.Dir = t.TempDir()
	// A link, so that the book's `frontrow` is the one of the tests.
	must(t, os.Symlink(n.binary, cmd.Dir+"/frontrow"))
	cmd.Env = append(os.Environ(), "PATH="+cmd.Dir+":"+os.Getenv("PATH"),
		"DUMP="+testenv.Find(t, "mariadb-dump", "mysqldump"), "SQL="+testenv.Find(t, "mariadb", "mysql"),
		"SOURCE="+clientOf(t, n.dsn), "TARGET="+clientOf(t, target), "DRILL_DSN="+target, "DRILL_REDIS="+testenv.OwnRedis(t).URL())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "no violation of") {
		t.Errorf("%v:\n%s", err, out.String())
	}
	for _, table := range []string{"orders", "tickets", "seats", "wallet_entries", "events"} {
		if sold, restored := count(t, n.dsn, table), count(t, target, table); sold == 0 || sold != restored {
			t.Errorf("%s: %d rows, %d restored", table, sold, restored)
		}
	}
}

// clientOf are the arguments by which the servers' own clients reach a server.
func clientOf(t *testing.T, dsn string) string {
	t.Helper()
	config, err := mysql.ParseDSN(dsn)
	must(t, err)
	host, port, _ := strings.Cut(config.Addr, ":")
	return "--host=" + host + " --port=" + port + " --user=" + config.User
}

func count(t *testing.T, dsn, table string) (n int) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	defer db.Close()
	must(t, db.QueryRow("SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}
