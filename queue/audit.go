package queue

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"frontrow/internal/invariant"
)

// AuditAdmissions checks cap, rate and in-order on the ledger of one show, in the
// order of epoch and sequence. What Redis lost before it was kept is not judged.
func AuditAdmissions(rows []Admission) []invariant.Violation {
	var found []invariant.Violation
	report := func(name string, a Admission, format string, args ...any) {
		at := fmt.Sprintf("admission %d of epoch %d ", a.Seq, a.Epoch)
		found = append(found, invariant.Violationf(name, a.Show, "%s", at+fmt.Sprintf(format, args...)))
	}
	highest := int64(0)
	for i, a := range rows {
		if a.ActiveAfter > a.MaxActive {
			report(invariant.Cap, a, "left %d active, above %d", a.ActiveAfter, a.MaxActive)
		}
		if a.Served > 0 && a.ActiveAfter > a.Served {
			report(invariant.Cap, a, "left %d active, above the %d whom the seats could serve", a.ActiveAfter, a.Served)
		}
		if sum, most := window(rows[:i+1]); sum > most {
			report(invariant.Rate, a, "is the last of %d people let in within %d ms, above %d", sum, a.IntervalMS, most)
		}
		if a.Next != 0 && a.Next < a.Last {
			report(invariant.InOrder, a, "let number %d in while %d waited", a.Last, a.Next)
		}
		if a.Count > a.Last-a.First+1 {
			report(invariant.InOrder, a, "let %d in between numbers %d and %d", a.Count, a.First, a.Last)
		}
		if i > 0 && rows[i-1].Epoch == a.Epoch {
			if a.Returned == 0 && a.First <= highest {
				report(invariant.InOrder, a, "let number %d in after %d, and nobody had come back", a.First, highest)
			}
			if a.Seq != rows[i-1].Seq+1 {
				report(invariant.InOrder, a, "follows admission %d", rows[i-1].Seq)
			}
			if a.At < rows[i-1].At {
				report(invariant.InOrder, a, "was earlier than the one before")
			}
		} else {
			highest = 0
		}
		if a.Returned < a.Count { // those out of turn have no say in whose is next
			highest = max(highest, a.Last)
		}
	}
	return found
}

// window sums what was let in during the interval that ends with the last row, and
// the largest admit in force in it.
func window(rows []Admission) (sum, most int64) {
	last := rows[len(rows)-1]
	for i := len(rows) - 1; i >= 0 && rows[i].Epoch == last.Epoch && rows[i].At > last.At-last.IntervalMS*1000; i-- {
		sum += rows[i].Count
		most = max(most, rows[i].Admit)
	}
	return sum, most
}

// Audit checks what stands in Redis: one-place, and
// told-once, that nobody who bought (their numbers are given) still is inside. A
// room that Redis lost has nothing to check. May return an UnavailableError.
func (r *Room) Audit(ctx context.Context, bought []int64) ([]invariant.Violation, error) {
	v, err := r.refresh(ctx)
	if errors.Is(err, errLost) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var waiting, returned, active, away, listed *redis.ZSliceCmd
	var present, invited *redis.StringCmd
	var counted *redis.StringCmd
	var called *redis.MapStringStringCmd
	_, err = r.queue.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		waiting = p.ZRangeWithScores(ctx, r.keys[keyWaiting], 0, -1)
		returned = p.ZRangeWithScores(ctx, r.keys[keyReturned], 0, -1)
		active = p.ZRangeWithScores(ctx, r.keys[keyActive], 0, -1)
		away = p.ZRangeWithScores(ctx, r.keys[keyAway], 0, -1)
		listed = p.ZRangeWithScores(ctx, r.keys[keyList], 0, -1)
		called = p.HGetAll(ctx, r.keys[keyCalled])
		present = p.Get(ctx, r.keys[keyPresent])
		invited = p.Get(ctx, r.keys[keyInvited])
		counted = p.HGet(ctx, r.keys[keyRoom], "invited")
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) { // a bitmap without a bit is not there
		return nil, unavailable("audit", err)
	}
	a := roomAudit{show: r.show, of: map[string]string{}, holder: map[int64]string{}}
	for _, z := range append(waiting.Val(), returned.Val()...) {
		visitor, _ := z.Member.(string)
		a.place(visitor, "waiting", int64(z.Score))
		if int64(z.Score) > v.ceiling && v.ceiling > 0 {
			a.report(invariant.OnePlace, "number %.0f is above the ceiling %d", z.Score, v.ceiling)
		}
	}
	for _, z := range listed.Val() {
		visitor, _ := z.Member.(string)
		a.place(visitor, "on the waiting list", int64(z.Score))
	}
	a.bits(invariant.InOrder, "present", present.Val())
	a.bits(invariant.Cap, "invited", invited.Val())
	if n, _ := counted.Int64(); n != onesIn(invited.Val()) {
		a.report(invariant.Cap, "%d are counted as invited, and %d are", n, onesIn(invited.Val()))
	}
	a.called("active", active.Val(), called.Val())
	a.called("away", away.Val(), called.Val())
	for _, number := range bought {
		if visitor, ok := a.holder[number]; ok && a.of[visitor] == "active" {
			a.report(invariant.ToldOnce, "number %d has bought and is still inside", number)
		}
	}
	return a.found, nil
}

// onesIn counts the bits that are set.
func onesIn(bitmap string) (n int64) {
	for i := range len(bitmap) {
		n += int64(bits.OnesCount8(bitmap[i]))
	}
	return n
}

type roomAudit struct {
	show   string
	of     map[string]string // visitor → where their place is
	holder map[int64]string  // number → visitor
	found  []invariant.Violation
}

func (a *roomAudit) report(name, format string, args ...any) {
	a.found = append(a.found, invariant.Violationf(name, a.show, format, args...))
}

func (a *roomAudit) place(visitor, where string, number int64) {
	if other, ok := a.of[visitor]; ok {
		a.report(invariant.OnePlace, "visitor %s is %s and %s", visitor, other, where)
	}
	if other, ok := a.holder[number]; ok && other != visitor {
		a.report(invariant.OnePlace, "number %d belongs to %s and %s", number, other, visitor)
	}
	a.of[visitor], a.holder[number] = where, visitor
}

// bits checks that whoever has a bit keeps a place in line: admissions go by the bits.
func (a *roomAudit) bits(name, bitmap, raw string) {
	for number := range int64(len(raw)) * 8 {
		if raw[number/8]&(0x80>>(number%8)) == 0 {
			continue
		}
		if visitor, ok := a.holder[number]; !ok || a.of[visitor] != "waiting" {
			a.report(name, "number %d is %s and nobody waits under it", number, bitmap)
		}
	}
}

func (a *roomAudit) called(where string, visitors []redis.Z, called map[string]string) {
	for _, z := range visitors {
		visitor, _ := z.Member.(string)
		number := numberOf(called[visitor])
		if number == 0 {
			a.report(invariant.OnePlace, "visitor %s is %s without a number", visitor, where)
			continue
		}
		a.place(visitor, where, number)
	}
}

// numberOf reads the number in a row of `called`; 0 where there is none.
func numberOf(row string) int64 {
	text, _, _ := strings.Cut(row, ":")
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return number
}
