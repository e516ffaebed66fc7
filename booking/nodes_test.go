package booking

import (
	"slices"
	"strings"
	"testing"

	"frontrow/internal/testenv"
)

func TestHostsOfADSN(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string][]string{
		"u:p@tcp(a:1)/n":                     {"u:p@tcp(a:1)/n"},
		"u:p@tcp(a:1,b:2, c)/n?x=(1)":        {"u:p@tcp(a:1)/n?x=(1)", "u:p@tcp(b:2)/n?x=(1)", "u:p@tcp(c)/n?x=(1)"},
		"u:,tcp(x,y)/@tcp([::1]:1,b:2)/n":    {"u:,tcp(x,y)/@tcp([::1]:1)/n", "u:,tcp(x,y)/@tcp(b:2)/n"},
		"u@unix(/run/a,b)/n":                 {"u@unix(/run/a,b)/n"},
		"u:p@/n":                             {"u:p@/n"},
		"u:p@network-of-a-test(a:1,b:2)/n?q": {"u:p@network-of-a-test(a:1,b:2)/n?q"},
	} {
		if got := splitHosts(dsn); !slices.Equal(got, want) {
			t.Errorf("%s: %q", dsn, got)
		}
	}
	for dsn, ok := range map[string]bool{"u:p@tcp(a:1,b:2)/n": true, "u:p@tcp(a:1,b:2)/": false, "nonsense": false} {
		if err := CheckDSN(dsn); (err == nil) != ok {
			t.Errorf("%s: %v", dsn, err)
		}
	}
}

// of is a DSN of several hosts, made of the DSNs of each.
func of(dsns ...string) string {
	var hosts []string
	var before, after string
	for _, dsn := range dsns {
		user, rest, _ := strings.Cut(dsn, "tcp(")
		host, name, _ := strings.Cut(rest, ")")
		hosts, before, after = append(hosts, host), user, name
	}
	return before + "tcp(" + strings.Join(hosts, ",") + ")" + after
}

// Who is not there or takes no writes is passed over; what serves is stayed with until it
// does not, and then whoever is next is asked.
func TestTheFirstNodeThatServes(t *testing.T) {
	t.Parallel()
	one, two := testenv.OwnMySQL(t), testenv.OwnMySQL(t)
	db := must1(Open(of("u@tcp("+testenv.FreeAddress(t)+")/frontrow", one.DSN(), two.DSN())))(t)
	pool := must1(db.DB())(t)
	t.Cleanup(func() { _ = pool.Close() })
	pool.SetMaxIdleConns(0) // each question goes by a connection of its own
	id := func() (id string) {
		t.Helper()
		must0(t, pool.QueryRow("SELECT @@server_id").Scan(&id))
		return id
	}
	first := id()
	two.Stop()
	if got := id(); got != first {
		t.Errorf("moved from %s to %s for nothing", first, got)
	}
	two.Start()
	must0(t, db.Exec("SET GLOBAL read_only = 1").Error)
	second := id()
	if second == first {
		t.Error("a node that takes no writes is stayed with")
	}
	one.Stop()
	one.Start() // it takes writes again
	if got := id(); got != second {
		t.Errorf("moved from %s to %s for nothing", second, got)
	}
	two.Kill()
	if got := id(); got != first {
		t.Errorf("%s answers, not %s", got, first)
	}
	one.Kill()
	if err := db.Exec("DO 1").Error; err == nil || !away(err) {
		t.Errorf("with no node: %v", err)
	}
}

// One that says it is cut off loses all connections to it.
func TestANodeThatIsCutOffIsLeft(t *testing.T) {
	t.Parallel()
	db := must1(Open(testenv.MySQL(t)))(t)
	pool := must1(db.DB())(t)
	t.Cleanup(func() { _ = pool.Close() })
	idle := must1(pool.Conn(t.Context()))(t)
	var before int64
	must0(t, idle.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&before))
	err := db.Exec("SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047").Error
	if !away(err) {
		t.Errorf("%v is no reason to come again", err)
	}
	must0(t, idle.Close())
	for range 3 {
		var id int64
		must0(t, pool.QueryRow("SELECT CONNECTION_ID()").Scan(&id))
		if id == before {
			t.Error("a connection from before is used again")
		}
	}
}
