package booking

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	sqlitedriver "github.com/glebarez/go-sqlite"
	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
)

// Result codes of the servers, by what follows from them.
var (
	// The transaction was broken off and may be tried again: lock time-out,
	// deadlock, changed since read (MariaDB), write conflict and schema change
	// (TiDB).
	mysqlAgain = []uint16{1205, 1213, 1020, 9007, 8022, 8028}
	// The server is away, going, full or a replica: too many connections,
	// shutdown, read-only, disk full, region unavailable (TiDB), cut off from the cluster (Galera).
	mysqlAway = []uint16{1021, 1040, notPrepared, 1053, 1203, 1290, 1792, 1836, 1927, 9001, 9002, 9003, 9005}
	// BUSY, LOCKED.
	sqliteAgain = []int{5, 6}
	// READONLY, IOERR, FULL, CANTOPEN.
	sqliteAway = []int{8, 10, 13, 14}
	// The prefixes of Redis's refusals that pass by themselves.
	redisAway = []string{
		"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "BUSY", "OOM", "MISCONF", "NOREPLICAS",
		"ERR max number of clients",
	}
)

// retryable tells whether the database broke a transaction off for reasons that
// another try may not meet.
func retryable(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return slices.Contains(mysqlAgain, my.Number)
	}
	var lite *sqlitedriver.Error
	if errors.As(err, &lite) {
		return slices.Contains(sqliteAgain, lite.Code()&0xff)
	}
	return false
}

// failed wraps an error with the operation, and as ErrUnavailable if it says
// that a server is away. It is nil for nil, and leaves alone what the callers
// of this package can tell apart already.
func failed(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnavailable):
		return fmt.Errorf("%s: %w", op, err)
	case away(err):
		return fmt.Errorf("%s: %w: %w", op, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

func away(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return retryable(err) || slices.Contains(mysqlAway, my.Number)
	}
	var lite *sqlitedriver.Error
	if errors.As(err, &lite) {
		return retryable(err) || slices.Contains(sqliteAway, lite.Code()&0xff)
	}
	var answer redis.Error
	if errors.As(err, &answer) {
		return slices.ContainsFunc(redisAway, func(p string) bool { return strings.HasPrefix(answer.Error(), p) })
	}
	var network net.Error
	return errors.As(err, &network) || slices.ContainsFunc([]error{
		driver.ErrBadConn, errNotServing, mysql.ErrInvalidConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		context.DeadlineExceeded, redis.ErrClosed, redis.ErrPoolTimeout, redis.ErrPoolExhausted,
	}, func(target error) bool { return errors.Is(err, target) })
}
