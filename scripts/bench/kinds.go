package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// kinds name the transactions of a sale by what only they write, in the order in which
// they are told apart.
var kinds = []struct {
	name  string
	marks *regexp.Regexp
}{
	{"hold", regexp.MustCompile("INSERT INTO `holds`")},
	{"wallet payment", regexp.MustCompile("UPDATE wallets SET balance = balance - ")},
	{"card payment, before the provider is asked", regexp.MustCompile("INSERT INTO `payments`")},
	{"card payment, settled as paid", regexp.MustCompile("UPDATE orders SET state = 'paid'")},
	{"card payment, settled as declined", regexp.MustCompile("UPDATE orders SET state = 'declined'")},
	{"cancellation", regexp.MustCompile("INSERT INTO `order_steps`[^\n]*'cancel'")},
	{"refund of a card, settled", regexp.MustCompile("UPDATE payments SET state = 'refunded'")},
	{"a hold given back", regexp.MustCompile("UPDATE holds SET state = 'released'")},
	{"deliveries marked, together", regexp.MustCompile("UPDATE deliveries SET state = 'done'")},
}

// transactions reads from the database's log how many statements each kind of
// transaction has, and how long it is open: from BEGIN to COMMIT, as both arrive.
func (b *bench) transactions(ctx context.Context) error {
	const each = 20
	people, ids, err := b.inside("kinds", 4*each)
	if err != nil {
		return err
	}
	log, err := openStatementLog(ctx, b.db)
	if err != nil {
		return err
	}
	defer log.close()
	conn, err := dial(b.gateways[0].address, 3*time.Minute)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := log.execute(ctx, "TRUNCATE TABLE mysql.general_log", "SET GLOBAL general_log = ON"); err != nil {
		return err
	}
	for i := range people {
		one := &buyer{conn: conn, show: "kinds", visitor: people[i]}
		err := one.wins(ids[i])
		switch {
		case err != nil:
		case i%4 == 0:
			if err = errors.Join(one.charge(), one.pay()); err == nil {
				err = b.cancelLast(one)
			}
		case i%4 == 1:
			if err = one.payBy("card_ok"); err == nil {
				err = b.cancelLast(one)
			}
		case i%4 == 2:
			_, _, err = conn.ask(request("POST", "/v1/orders", one.pass, `{"hold":"`+one.held+`","payment":{"method":"card","card":"card_declined"}}`, "order-"+one.held))
		default:
			_, _, err = conn.ask(request("DELETE", "/v1/holds/"+one.held, one.pass, "", ""))
		}
		if err != nil {
			return err
		}
	}
	if err := b.delivered(ctx); err != nil {
		return err
	}
	if err := log.execute(ctx, "SET GLOBAL general_log = OFF"); err != nil {
		return err
	}
	statements, err := log.read(ctx)
	if err != nil {
		return err
	}
	found := transactionsOf(statements)
	for _, kind := range kinds {
		var sizes, times []float64
		for _, t := range found {
			if kindOf(t.text) == kind.name {
				sizes, times = append(sizes, float64(t.statements)), append(times, t.open)
			}
		}
		if len(sizes) == 0 {
			return fmt.Errorf("no transaction of the kind %q was logged", kind.name)
		}
		b.table.add(kind.name+": statements", "", sizes, atMost(13)).Note = "BEGIN and COMMIT counted"
		b.table.add(kind.name+": open for", "ms", times, nil)
	}
	return nil
}

func kindOf(text string) string {
	for _, kind := range kinds {
		if kind.marks.MatchString(text) {
			return kind.name
		}
	}
	return ""
}

// cancelLast has the operator cancel the order that a buyer has just paid.
func (b *bench) cancelLast(one *buyer) error {
	return b.gateways[0].admin(http.StatusOK, "POST", "/orders/"+one.order+"/cancel", map[string]string{"reason": "measured"}, nil)
}

// logged is a transaction as the database's log has it; open in ms.
type logged struct {
	text       string
	statements int
	open       float64
}

// transactionsOf are those of a log that were committed.
func transactionsOf(log []statement) (all []logged) {
	type under struct {
		logged
		began int64
	}
	open := map[int64]*under{}
	for _, s := range log {
		if s.text == "START TRANSACTION" || s.text == "BEGIN" {
			open[s.thread] = &under{began: s.at}
		}
		t := open[s.thread]
		if t == nil {
			continue
		}
		t.statements++
		t.text += s.text + "\n"
		if s.text == "COMMIT" || s.text == "ROLLBACK" {
			delete(open, s.thread)
			t.open = float64(s.at-t.began) / 1000
			if s.text == "COMMIT" {
				all = append(all, t.logged)
			}
		}
	}
	return all
}
