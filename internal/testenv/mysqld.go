package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/testcontainers/testcontainers-go"
	mysqlmodule "github.com/testcontainers/testcontainers-go/modules/mysql"
	"github.com/testcontainers/testcontainers-go/wait"
)

// mysqlArgs fit MySQL and MariaDB. Connections are plenty for hundreds of racing
// clients; buffers are small, since several servers may run on one machine.
var mysqlArgs = []string{
	"--max-connections=500",
	"--character-set-server=utf8mb4",
	"--collation-server=utf8mb4_bin",
	"--skip-log-bin",
	"--skip-name-resolve",
	"--innodb-buffer-pool-size=64M",
}

// defaultsFile begins the argument that names a file of settings. Servers want it first.
const defaultsFile = "--defaults-file="

func newMySQL(args []string) (engine, string, error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], defaultsFile) {
		args = append(append([]string{"--no-defaults"}, mysqlArgs...), args...)
	}
	return firstOf([]way{
		{"Docker", 1, func() (engine, string, error) { return mysqlContainer(args) }},
		{"installed", 3, func() (engine, string, error) { return mysqlProcess(args) }},
	}, mysqlHelp)
}

// mysqlContainer works with images of MySQL and of MariaDB, which takes the
// variables of MySQL; only their words in the log differ, so they are not waited for.
func mysqlContainer(args []string) (engine, string, error) {
	if args[0] != "--no-defaults" {
		return nil, "", fmt.Errorf("the file of settings is here: %w", errAbsent)
	}
	addr, port, err := dockerAddr()
	if err != nil {
		return nil, "", err
	}
	args = args[1:] // the image has defaults of its own
	dsn := "root:frontrow@tcp(" + addr + ")/"
	return &dockerContainer{
		port: "3306/tcp", host: port,
		run: func(ctx context.Context, opts ...testcontainers.ContainerCustomizer) (testcontainers.Container, error) {
			opts = append(opts,
				mysqlmodule.WithUsername("root"), mysqlmodule.WithPassword("frontrow"),
				testcontainers.WithCmd(args...),
				testcontainers.WithWaitStrategy(wait.ForExposedPort()))
			c, err := mysqlmodule.Run(ctx, image("TEST_MYSQL_IMAGE", mysqlImage), opts...)
			if c == nil {
				return nil, err
			}
			return c, err
		},
		answers: func(context.Context) error { return execute(dsn, "DO 1") },
	}, dsn, nil
}

func mysqlProcess(args []string) (engine, string, error) {
	path, err := program("mariadbd", "mysqld")
	if err != nil {
		return nil, "", err
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	dir, err := scratchDir("mysql")
	if err != nil {
		return nil, "", err
	}
	if err := fillDataDir(path, dir); err != nil {
		return nil, "", err
	}
	id := 1 + rand.Uint32N(1<<31)
	dsn := "root@tcp(" + localAddr(port) + ")/"
	base := append(asRoot(args[0], "--datadir="+dir),
		"--bind-address=127.0.0.1", "--port="+strconv.Itoa(port),
		"--socket=server.sock", "--pid-file=server.pid", // within the data: a socket's full path may be too long
		"--tmpdir="+dir, "--server-id="+strconv.FormatUint(uint64(id), 10), "--loose-mysqlx=OFF")
	return &process{
		program: path, dir: dir, args: append(base, args[1:]...),
		answers: func(*run) error { return mysqlIs(dsn, id) },
	}, dsn, nil
}

// fillDataDir makes the system tables of a new server in the empty directory
// dir, with a root without password, who can come from this machine alone. as says whom the
// server runs as, if not as whoever runs the tests.
func fillDataDir(mysqld, dir string, as ...string) error {
	if len(as) == 0 {
		as = asRoot()
	}
	version, err := exec.Command(mysqld, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", mysqld, err)
	}
	cmd := exec.Command(mysqld, append([]string{"--no-defaults", "--initialize-insecure", "--datadir=" + dir, "--tmpdir=" + dir}, as...)...)
	if strings.Contains(string(version), "MariaDB") {
		install, err := program("mariadb-install-db", "mysql_install_db")
		if err != nil {
			return err
		}
		cmd = exec.Command(install, append([]string{"--no-defaults", "--datadir=" + dir, "--tmpdir=" + dir, // servers that start clear each other's files from a shared one
			"--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M"}, as...)...)
	}
	cmd.Dir = filepath.Dir(dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd.Path, err, out)
	}
	return nil
}

// asRoot adds what the servers ask for before they run as root, which test
// machines often are.
func asRoot(args ...string) []string {
	if os.Geteuid() == 0 {
		return append(args, "--user=root")
	}
	return args
}

// mysqlIs returns nil if the server that answers is the one of this id, and not
// another that was quicker to take the port.
func mysqlIs(dsn string, id uint32) error {
	return withConn(dsn, func(ctx context.Context, db *sql.DB) error {
		var got uint32
		if err := db.QueryRowContext(ctx, "SELECT @@server_id").Scan(&got); err != nil {
			return err
		}
		if got != id {
			return fmt.Errorf("another server answers at %s", dsn)
		}
		return nil
	})
}
