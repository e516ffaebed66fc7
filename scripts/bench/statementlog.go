package main

import (
	"context"
	"database/sql"
	"regexp"
	"strings"
	"time"
)

// statementLog is the database's log of every statement, BEGIN and COMMIT included.
type statementLog struct{ conn *sql.Conn }

func openStatementLog(ctx context.Context, db *sql.DB) (*statementLog, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	_, err = conn.ExecContext(ctx, "SET GLOBAL log_output = 'TABLE'")
	return &statementLog{conn}, err
}

func (l *statementLog) close() { _ = l.conn.Close() }

// statement is one that reached the database on a connection.
type statement struct {
	thread int64
	at     int64 // us
	text   string
}

// beginning marks in the log where a request begins.
const beginning = "SELECT 'a request begins'"

// cost is what one request costs the database: before its transaction, in it, and in
// what it sets off.
type cost struct{ before, inside, transactions, after float64 }

func (c cost) all() float64 { return c.before + c.inside }

// during logs while n requests are made, one after the other, with a pause between
// them in which what each has set off is done.
func (l *statementLog) during(ctx context.Context, n int, pause time.Duration, request func(i int) error) (cost, error) {
	if err := l.execute(ctx, "TRUNCATE TABLE mysql.general_log", "SET GLOBAL general_log = ON"); err != nil {
		return cost{}, err
	}
	began := time.Now()
	for i := range n {
		if err := l.execute(ctx, beginning); err != nil {
			return cost{}, err
		}
		if err := request(i); err != nil {
			return cost{}, err
		}
		time.Sleep(pause)
	}
	took := time.Since(began)
	if err := l.execute(ctx, "SET GLOBAL general_log = OFF"); err != nil {
		return cost{}, err
	}
	log, err := l.read(ctx)
	return costOf(log, n, took), err
}

func (l *statementLog) execute(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := l.conn.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (l *statementLog) read(ctx context.Context) ([]statement, error) {
	rows, err := l.conn.QueryContext(ctx, `SELECT thread_id, CAST(UNIX_TIMESTAMP(event_time) * 1000000 AS SIGNED), CONVERT(argument USING utf8mb4) FROM mysql.general_log
		WHERE command_type IN ('Query', 'Execute') AND (thread_id <> CONNECTION_ID() OR argument = ?)`, beginning)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var log []statement
	for rows.Next() {
		var s statement
		if err := rows.Scan(&s.thread, &s.at, &s.text); err != nil {
			return nil, err
		}
		log = append(log, s)
	}
	return log, rows.Err()
}

// costOf divides among n requests what was logged over a time. It falls into
// transactions and single statements, of so many shapes. A gateway's loops come once a
// second each, whatever is asked of it: a shape that is no more frequent is theirs.
func costOf(log []statement, n int, over time.Duration) (c cost) {
	counts := map[unit]int{}
	for _, u := range units(log) {
		counts[u]++
	}
	ofLoops := int(2*over.Seconds()) + 2
	for u, count := range counts {
		each := float64(count) / float64(n)
		switch {
		case count <= ofLoops:
		case u.after:
			c.after += each * float64(u.size())
		case u.size() > 1:
			c.transactions += each
			c.inside += each * float64(u.size())
		default:
			c.before += each
		}
	}
	return c
}

// unit is a transaction, whose statements stand in a line each, or a statement outside
// of any, without their values. after tells one that began when the transaction of the
// request was over: the work of listeners, who come after the sale.
type unit struct {
	shape string
	after bool
}

func (u unit) size() int { return strings.Count(u.shape, "\n") + 1 }

// units are those of a log, as they ended.
func units(log []statement) (all []unit) {
	open := map[int64]unit{}
	after := false
	for _, s := range log {
		if s.text == beginning {
			after = false
			continue
		}
		shape := shapeOf(s.text)
		u, began := open[s.thread]
		switch {
		case shape == "START TRANSACTION" || shape == "BEGIN":
			open[s.thread] = unit{shape, after}
		case !began:
			all = append(all, unit{shape, after})
		case shape == "COMMIT" || shape == "ROLLBACK":
			u.shape += "\n" + shape
			all = append(all, u)
			delete(open, s.thread)
			after = after || strings.Contains(u.shape, "INSERT INTO `orders`")
		default:
			u.shape += "\n" + shape
			open[s.thread] = u
		}
	}
	return all
}

var (
	texts   = regexp.MustCompile(`'(?:[^'\\]|\\.|'')*'`)
	numbers = regexp.MustCompile(`\b\d+\b`)
	lists   = regexp.MustCompile(`\(\?(?:, ?\?)*\)(?:, ?\(\?(?:, ?\?)*\))*`)
	blanks  = regexp.MustCompile(`\s+`)
)

// shapeOf is a statement without its values.
func shapeOf(text string) string {
	text = blanks.ReplaceAllString(strings.TrimSpace(text), " ")
	text = numbers.ReplaceAllString(texts.ReplaceAllString(text, "?"), "?")
	return lists.ReplaceAllString(text, "(?)")
}
