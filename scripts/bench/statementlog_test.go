package main

import (
	"fmt"
	"testing"
	"time"
)

func TestCostOfPayments(t *testing.T) {
	t.Parallel()
	var log []statement
	say := func(thread int64, texts ...string) {
		for _, text := range texts {
			log = append(log, statement{thread: thread, text: text})
		}
	}
	const n = 50
	for i := range n {
		say(1, beginning)
		say(2, fmt.Sprintf("SELECT * FROM `orders` WHERE visitor = 'v\\'%d' LIMIT %d", i, i))
		say(3, "START TRANSACTION", fmt.Sprintf("INSERT INTO `orders` (`id`) VALUES ('%d', NULL)", i))
		if i%25 == 0 { // a loop, in between
			say(4, "SELECT * FROM `shows`", "START TRANSACTION", "UPDATE queues SET head = 7", "COMMIT")
		}
		say(3, "COMMIT")
		say(5, "UPDATE deliveries SET claim = 'x'", fmt.Sprintf("SELECT * FROM `shows` WHERE id = 's%d'", i))
	}
	got := costOf(log, n, time.Second)
	if want := (cost{before: 1, inside: 3, transactions: 1, after: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got.all() != 4 {
		t.Errorf("all %v", got.all())
	}
}

// What happens for every second loser is a cost of losing.
func TestCostOfSomeShows(t *testing.T) {
	t.Parallel()
	var log []statement
	for i := range 400 {
		log = append(log, statement{thread: 1, text: beginning})
		if i%2 == 0 {
			log = append(log, statement{thread: 2, text: fmt.Sprintf("SELECT * FROM seats WHERE seat IN ('A-%d','B-%d')", i, i)})
		}
	}
	if got := costOf(log, 400, time.Second).all(); got != 0.5 {
		t.Errorf("a lost seat costs %v, want 0.5", got)
	}
}

func TestShapeOfLeavesOutValues(t *testing.T) {
	t.Parallel()
	a := shapeOf("INSERT INTO `t` (`a`,`b`) VALUES ('it''s \\' one',12),\n\t('x', 3)")
	b := shapeOf("INSERT INTO `t` (`a`,`b`) VALUES ('',7)")
	if a != b || a != "INSERT INTO `t` (`a`,`b`) VALUES (?)" {
		t.Errorf("%q and %q", a, b)
	}
}
