package queue

import (
	"fmt"
	"strconv"
	"time"
)

// view is what a gateway knows of a room, no older than a second when all is
// well. Every poll is answered from one; nothing in it changes once it is made.
type view struct {
	asOf       int64 // us, Redis's clock
	asOfText   string
	taken      time.Time
	generation int64
	epoch      int64
	version    int64
	phase      Phase
	message    string
	rules      Rules
	rulesVer   int64
	issued     int64
	head       int64
	ceiling    int64
	opened     int64  // us: when the epoch began
	recovering int64  // us: nobody is admitted before; 0: no recovery
	copied     bool   // another master opened the room
	draw       string // how far the draw of this room is: "", freezing, frozen or numbered
	lobby      int64  // wait for it
	undrawn    int64  // of a frozen lobby, who has no number yet and is ahead of whoever has
	waiting    int64  // keep a place
	returned   int64  // of those, at or below the head
	away       int64
	totals     Totals
	waits      Waits
	line       line

	holding int64  // inside, and hold seats
	served  int64  // how many may be inside for the seats that are left; -1: no such bound
	stock   *Stock // of this moment; nil: not known
	odds    *Odds  // nil: not known

	listed  int64 // are on the waiting list
	untold  int64 // were called from it, and it was not said yet
	listDue bool  // the waiting list is to be brought back from the ledger
}

// present is how many of those who wait are there.
func (v *view) present() int64 { return v.ahead() + v.line.total }

// ahead is how many are ahead of everybody beyond the head.
func (v *view) ahead() int64 { return v.returned + v.undrawn }

// behind is the position of somebody who waits and whom the view does not know as
// present: behind all that it does, and behind those who may have joined since.
func (v *view) behind(number int64) int64 {
	return v.ahead() + v.line.upTo(number) + max(number-v.issued, 1)
}

// gathers tells whether who comes now will be drawn.
func (v *view) gathers() bool { return v.phase == Lobby && v.draw == "" }

// isSoldOut tells whether nobody can get anything any more.
func (v *view) isSoldOut() bool { return v.phase == Open && v.stock.isSoldOut() }

func (v *view) isRecovering() bool { return v.asOf < v.recovering }

// isYoungerThan tells whether the epoch began after the pass was issued: then the
// pass may prove an admission that Redis lost. Passes count whole seconds.
func (v *view) isYoungerThan(p Pass) bool { return p.Issued.Add(time.Second).Before(timeOf(v.opened)) }

// newView reads the answer of lua/view.lua behind its four opening values.
func newView(reply []any, asOf, epoch, version int64, taken time.Time) (*view, error) {
	if len(reply) != 14 {
		return nil, fmt.Errorf("view has %d values, not 14", len(reply))
	}
	var counts [5]int64
	for i := range counts {
		n, ok := reply[i].(int64)
		if !ok {
			return nil, fmt.Errorf("view value %d is %T", i, reply[i])
		}
		counts[i] = n
	}
	raw, ok := reply[5].(string)
	if !ok {
		return nil, fmt.Errorf("view has bits of %T", reply[5])
	}
	room, waits := hashOf(reply[6]), hashOf(reply[7])
	v := &view{
		asOf: asOf, asOfText: timeOf(asOf).Format(time.RFC3339Nano), taken: taken, epoch: epoch, version: version,
		generation: room.int("generation"),
		phase:      Phase(room["phase"]),
		message:    room["message"],
		rules:      room.rules(),
		rulesVer:   room.int("rules_version"),
		issued:     room.int("issued"),
		head:       room.int("head"),
		ceiling:    room.int("ceiling"),
		opened:     room.int("opened_at"),
		recovering: max(room.int("recovering_until"), room.int("objections_until")),
		draw:       room["draw"],
		waiting:    counts[0],
		returned:   counts[1],
		away:       counts[3],
		totals:     room.totals(),
		waits:      readWaits(waits),
	}
	v.lobby, _ = reply[8].(int64)
	v.holding, _ = reply[9].(int64)
	v.listed, _ = reply[10].(int64)
	v.untold, _ = reply[11].(int64)
	copied, _ := reply[13].(int64)
	v.copied = copied == 1
	v.listDue = room.int("list_due") == 1
	if v.served = -1; room["served"] != "" {
		v.served = room.int("served")
	}
	if v.draw == drawFrozen {
		v.undrawn = room.int("draw_count") - room.int("draw_cursor")
	}
	v.totals.Active = counts[2]
	v.line = newLine(counts[4], v.head, []byte(raw))
	return v, nil
}

// roomHash is a hash as Redis holds it.
type roomHash map[string]string

// hashOf reads what HGETALL answers.
func hashOf(reply any) roomHash {
	flat, _ := reply.([]any)
	h := make(roomHash, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		field, _ := flat[i].(string)
		h[field], _ = flat[i+1].(string)
	}
	return h
}

func (h roomHash) int(field string) int64 {
	n, _ := strconv.ParseInt(h[field], 10, 64)
	return n
}

func (h roomHash) rules() Rules {
	return Rules{
		Admit:              int(h.int("admit")),
		IntervalMS:         int(h.int("interval_ms")),
		MaxActive:          int(h.int("max_active")),
		ClaimSeconds:       int(h.int("claim_seconds")),
		SessionSeconds:     int(h.int("session_seconds")),
		SessionMaxSeconds:  int(h.int("session_max_seconds")),
		AbsenceSeconds:     int(h.int("absence_seconds")),
		ReturnSeconds:      int(h.int("return_seconds")),
		Paused:             h.int("paused") == 1,
		JoinsPerAddress:    int(h.int("joins_per_address")),
		JoinsPerNetwork:    int(h.int("joins_per_network")),
		PollsPerTenSeconds: int(h.int("polls_per_ten_seconds")),
		ProofOfWork:        h.int("proof_of_work") == 1,

		SeatsPerVisitorPercent:  int(h.int("seats_per_visitor_percent")),
		WaitingListClaimSeconds: int(h.int("waiting_list_claim_seconds")),
		ProlongSeconds:          int(h.int("prolong_seconds")),
	}
}

func (h roomHash) totals() Totals {
	return Totals{
		Joined: h.int("joined"), Admitted: h.int("admitted"), Claimed: h.int("claimed"),
		Missed: h.int("missed"), Left: h.int("left"), LeftWaiting: h.int("left_waiting"),
		Expired: h.int("expired"), ExpiredWaiting: h.int("expired_waiting"), Finished: h.int("finished"),
	}
}

// fields lists what of a show stands in the room.
func (s Show) fields() []any {
	flag := map[bool]int{true: 1}
	return []any{
		"phase", string(s.Phase), "message", s.Message, "max_waiting", s.MaxWaiting, "paused", flag[s.Rules.Paused],
		"admit", s.Rules.Admit, "interval_ms", s.Rules.IntervalMS, "max_active", s.Rules.MaxActive,
		"claim_seconds", s.Rules.ClaimSeconds, "session_seconds", s.Rules.SessionSeconds,
		"session_max_seconds", s.Rules.SessionMaxSeconds, "absence_seconds", s.Rules.AbsenceSeconds,
		"return_seconds", s.Rules.ReturnSeconds, "starts_at", s.StartsAt,
		"joins_per_address", s.Rules.JoinsPerAddress, "joins_per_network", s.Rules.JoinsPerNetwork,
		"polls_per_ten_seconds", s.Rules.PollsPerTenSeconds, "seats_per_visitor_percent", s.Rules.SeatsPerVisitorPercent,
		"waiting_list_claim_seconds", s.Rules.WaitingListClaimSeconds, "prolong_seconds", s.Rules.ProlongSeconds,
		"proof_of_work", flag[s.Rules.ProofOfWork], "guarded", flag[s.Rules.guarded()],
	}
}
