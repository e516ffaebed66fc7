package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Galera is a cluster of three nodes of MariaDB, each of which takes writes.
type Galera struct {
	t     testing.TB
	Nodes []*GaleraNode
}

// GaleraNode is one of its nodes. Its methods fail the test, so call them from the test's
// own goroutine.
type GaleraNode struct {
	t       testing.TB
	process *process
	dsn     string
}

// galeraSize is how many nodes there are: two of three are still a majority.
const galeraSize = 3

// OwnGalera starts a cluster for this test, of MariaDB and Galera as they are installed
// here (scripts/setup.sh scale). It has an empty database, and is gone with the test.
func OwnGalera(t testing.TB) *Galera {
	t.Helper()
	lib, err := galeraLib()
	must(t, err)
	g := &Galera{t: t}
	var group []string
	for range galeraSize {
		port, err := freePort()
		must(t, err)
		group = append(group, localAddr(port))
	}
	for k := range galeraSize {
		g.Nodes = append(g.Nodes, startGalera(t, lib, group, k))
		if k == 0 {
			must(t, execute(g.Nodes[0].dsn, createDatabase("frontrow")))
		}
		g.Nodes[k].dsn = inDatabase(g.Nodes[k].dsn, "frontrow")
	}
	for _, n := range g.Nodes {
		Wait(t, 20*time.Second, func() bool { return n.Size() == galeraSize }, "the nodes do not find each other")
	}
	return g
}

// galeraLib is what the packages of Galera bring; distributions differ in where.
func galeraLib() (string, error) {
	for _, dir := range []string{"/usr/lib/galera", "/usr/lib64/galera-4", "/usr/lib64/galera", "/usr/lib"} {
		path := filepath.Join(dir, "libgalera_smm.so")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("libgalera_smm.so: %w; scripts/setup.sh scale installs it", errAbsent)
}

// galeraDir makes the directory of a node, and says as whom the node runs: rsync, by which
// it fetches its data, is nobody where it was started by root, and may not write there.
func galeraDir() (dir string, as *syscall.Credential, err error) {
	if dir, err = scratchDir("galera"); err != nil || os.Geteuid() != 0 {
		return dir, nil, err
	}
	them, err := user.Lookup("mysql")
	if err != nil {
		return "", nil, fmt.Errorf("run as root, a node needs the user that the packages of MariaDB make: %w", err)
	}
	uid, _ := strconv.ParseUint(them.Uid, 10, 32)
	gid, _ := strconv.ParseUint(them.Gid, 10, 32)
	as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return dir, as, errors.Join(os.Chmod(filepath.Dir(dir), 0o711), os.Chown(dir, int(uid), int(gid))) // to be passed through
}

func startGalera(t testing.TB, lib string, group []string, k int) *GaleraNode {
	t.Helper()
	path, err := program("mariadbd")
	must(t, err)
	var ports [3]int
	for i := range ports {
		ports[i], err = freePort()
		must(t, err)
	}
	dir, as, err := galeraDir()
	must(t, err)
	var user []string
	if as != nil {
		user = []string{"--user=mysql"}
	}
	must(t, fillDataDir(path, dir, user...))
	id := 1 + rand.Uint32N(1<<31)
	args := slices.Concat([]string{"--no-defaults", "--datadir=" + dir}, mysqlArgs, relaxed)
	args = append(args,
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(ports[0]), "--socket=server.sock", "--pid-file=server.pid", "--tmpdir="+dir,
		"--server-id="+strconv.FormatUint(uint64(id), 10), "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--innodb-log-file-size=16M",
		"--wsrep-on=ON", "--wsrep-provider="+lib, "--wsrep-cluster-name=frontrow", "--wsrep-node-name=node-"+strconv.Itoa(k),
		"--wsrep-node-address=127.0.0.1", "--wsrep-sst-method=rsync", "--wsrep-sst-receive-address="+localAddr(ports[1]),
		"--wsrep-slave-threads=2",
		fmt.Sprintf("--wsrep-provider-options=gmcast.listen_addr=tcp://%s;ist.recv_addr=%s;gcache.size=32M;gcache.page_size=16M;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S",
			group[k], localAddr(ports[2])),
	)
	p := &process{program: path, dir: dir, as: as}
	n := &GaleraNode{t: t, process: p, dsn: "root@tcp(" + localAddr(ports[0]) + ")/"}
	p.answers = func(*run) error {
		if err := mysqlIs(n.dsn, id); err != nil {
			return err
		}
		if n.status("wsrep_ready") != "ON" {
			return fmt.Errorf("the node is not ready")
		}
		return nil
	}
	t.Cleanup(p.discard)
	joins := append(slices.Clone(args), "--wsrep-cluster-address=gcomm://"+strings.Join(group, ","))
	p.args = joins
	if k == 0 {
		p.args = append(slices.Clone(joins), "--wsrep-new-cluster")
	}
	must(t, p.start())
	p.args = joins
	return n
}

// DSN names the database as this node has it.
func (n *GaleraNode) DSN() string { return n.dsn }

// Kill ends the node with SIGKILL.
func (n *GaleraNode) Kill() { n.t.Helper(); must(n.t, n.process.kill()) }

// Start starts a node that was killed again; it fetches what it missed, and then answers.
func (n *GaleraNode) Start() { n.t.Helper(); must(n.t, n.process.start()) }

// Size is how many nodes this one sees, itself included; 0 where it does not answer.
func (n *GaleraNode) Size() int {
	size, _ := strconv.Atoi(n.status("wsrep_cluster_size"))
	return size
}

// Conflicts is how many of this node's transactions were broken off for those of others.
func (n *GaleraNode) Conflicts() int {
	failed, _ := strconv.Atoi(n.status("wsrep_local_cert_failures"))
	aborted, _ := strconv.Atoi(n.status("wsrep_local_bf_aborts"))
	return failed + aborted
}

func (n *GaleraNode) status(name string) (value string) {
	_ = withConn(n.dsn, func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, "SHOW GLOBAL STATUS WHERE Variable_name = '"+name+"'").Scan(&name, &value)
	})
	return value
}
