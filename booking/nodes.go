package booking

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// CheckDSN says what is wrong with the DSN of a MySQL-compatible server, or of the nodes
// of one, without the password.
func CheckDSN(dsn string) error {
	for _, one := range splitHosts(dsn) {
		if _, err := mysqlConfig(one); err != nil {
			return err
		}
	}
	return nil
}

// splitHosts makes of a DSN that names several hosts, user:pass@tcp(h1:3306,h2:3306)/name,
// one for each of them, in their order.
func splitHosts(dsn string) []string {
	end := strings.LastIndex(dsn, ")/")
	if end < 0 {
		return []string{dsn}
	}
	start := strings.LastIndex(dsn[:end], "tcp(") + len("tcp(")
	if start < len("tcp(") {
		return []string{dsn}
	}
	var each []string
	for host := range strings.SplitSeq(dsn[start:end], ",") {
		each = append(each, dsn[:start]+strings.TrimSpace(host)+dsn[end:])
	}
	return each
}

// nodeDials is how long a connection to one of several nodes may take to come about, if
// the DSN does not say: the next one is tried then.
const nodeDials = 2 * time.Second

// nodes connects to the first of several nodes that serves, and stays with it until it
// does not: what a gateway has written it then finds again, and nodes come and go without
// anybody moving back.
type nodes struct {
	all []*node
	at  atomic.Int32 // whom the last connection was made to
}

// node is one server of a database.
type node struct {
	connector driver.Connector
	alone     bool         // there is no other to turn to
	shunAt    atomic.Int64 // when it last said that it cannot serve (ns since 1970)
}

// openNodes reads the DSN of one server or several; the configuration is that of the first.
func openNodes(dsn string) (*nodes, *mysql.Config, error) {
	n := &nodes{}
	var first *mysql.Config
	each := splitHosts(dsn)
	for _, one := range each {
		cfg, err := mysqlConfig(one)
		if err != nil {
			return nil, nil, err
		}
		if len(each) > 1 && !strings.Contains(dsn, "timeout=") {
			cfg.Timeout = nodeDials
		}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return nil, nil, err
		}
		if first == nil {
			first = cfg
		}
		n.all = append(n.all, &node{connector: connector, alone: len(each) == 1})
	}
	return n, first, nil
}

// Driver implements driver.Connector.
func (n *nodes) Driver() driver.Driver { return n.all[0].connector.Driver() }

// Connect implements driver.Connector. The error says why each node did not serve.
func (n *nodes) Connect(ctx context.Context) (driver.Conn, error) {
	var errs []error
	first := int(n.at.Load())
	for i := range n.all {
		k := (first + i) % len(n.all)
		conn, err := n.all[k].connect(ctx)
		if err == nil {
			n.at.Store(int32(k)) //nolint:gosec // a DSN names few hosts
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// errNotServing says that a node answers and takes no sale: it is cut off from the others
// of its cluster, or a replica.
var errNotServing = errors.New("the node does not serve")

// connect makes a connection on which all is set as the sale needs it.
func (d *node) connect(ctx context.Context) (driver.Conn, error) {
	conn, err := d.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := conn.(mysqlConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's connection is %T", conn), conn.Close())
	}
	if err := d.prepare(ctx, c); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &nodeConn{mysqlConn: c, node: d, since: time.Now().UnixNano()}, nil
}

func (d *node) prepare(ctx context.Context, c mysqlConn) error {
	// For good. The variable's name differs between MySQL and MariaDB, so that the DSN
	// cannot do it, and asking for it in each transaction would cost each a statement.
	if _, err := c.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return err
	}
	says, err := settings(ctx, c, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_on', 'read_only')")
	if err != nil {
		return err
	}
	if !d.alone && says["read_only"] == "ON" {
		return fmt.Errorf("%w: it is read-only", errNotServing)
	}
	if says["wsrep_on"] != "ON" {
		return nil
	}
	says, err = settings(ctx, c, "SHOW GLOBAL STATUS WHERE Variable_name = 'wsrep_ready'")
	if err == nil && says["wsrep_ready"] != "ON" {
		err = fmt.Errorf("%w: its cluster does not, or it is cut off from it", errNotServing)
	}
	if err != nil {
		return err
	}
	// A Galera node answers by what it has applied, and another may have answered a visitor
	// with more: who charged their wallet through one gateway has the points at the next.
	_, err = c.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 7", nil)
	return err
}

// settings reads rows of a name and a value.
func settings(ctx context.Context, c mysqlConn, query string) (map[string]string, error) {
	rows, err := c.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	says := map[string]string{}
	row := make([]driver.Value, 2)
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return says, nil
		case err != nil:
			return nil, err
		}
		says[text(row[0])] = text(row[1])
	}
}

func text(v driver.Value) string {
	if raw, ok := v.([]byte); ok {
		return string(raw)
	}
	return fmt.Sprint(v)
}

// mysqlConn is what a connection of the driver can do, and what database/sql asks it for.
type mysqlConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// nodeConn is given up, with all others to its node, when the node says that it is cut off:
// the next connection finds another.
type nodeConn struct {
	mysqlConn
	node  *node
	since int64
}

// notPrepared is what a Galera node without its cluster answers.
const notPrepared = 1047

func (c *nodeConn) note(err error) {
	var my *mysql.MySQLError
	if errors.As(err, &my) && my.Number == notPrepared {
		c.node.shunAt.Store(time.Now().UnixNano())
	}
}

func (c *nodeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.mysqlConn.ExecContext(ctx, query, args)
	c.note(err)
	return result, err
}

func (c *nodeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.mysqlConn.QueryContext(ctx, query, args)
	c.note(err)
	return rows, err
}

func (c *nodeConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.mysqlConn.BeginTx(ctx, o)
	c.note(err)
	return tx, err
}

func (c *nodeConn) shunned() bool { return c.node.shunAt.Load() >= c.since }

func (c *nodeConn) ResetSession(ctx context.Context) error {
	if c.shunned() {
		return driver.ErrBadConn
	}
	return c.mysqlConn.ResetSession(ctx)
}

func (c *nodeConn) IsValid() bool { return !c.shunned() && c.mysqlConn.IsValid() }
