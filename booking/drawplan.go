package booking

import (
	"encoding/json"
	"regexp"
	"time"
)

// DrawPlan says how a show opens by draw: from when its lobby is open (without a
// time, when the operator opens it, or at the start), and which public value will
// be mixed in; empty for none.
type DrawPlan struct {
	LobbyAt *time.Time `json:"lobby_at,omitempty"`
	Beacon  string     `json:"beacon,omitempty"`
}

// column writes the plan as it stands in its column: as JSON, or NULL.
func (p *DrawPlan) column() *string {
	if p == nil {
		return nil
	}
	text, _ := json.Marshal(p) // a time within bounds and a text: cannot fail
	return new(string(text))
}

// readPlan reads what column wrote.
func readPlan(column *string) *DrawPlan {
	var p DrawPlan
	if column == nil || json.Unmarshal([]byte(*column), &p) != nil {
		return nil
	}
	return &p
}

// onOneLine matches a text that a page can show as it is; nothing is fine.
var onOneLine = regexp.MustCompile(`^[^\x00-\x1f\x7f]*$`)

func (f *faults) draw(p *DrawPlan, startsAt *int64) {
	if p == nil {
		return
	}
	at := micros(p.LobbyAt)
	f.unless(startsAt != nil, "starts_at", "must be given: it is when the draw is")
	f.unless(at == nil || *at > 0 && *at < latestTime, "draw.lobby_at", "must be between 1970 and 2200")
	f.unless(at == nil || startsAt == nil || *at <= *startsAt, "draw.lobby_at", "must not be after starts_at")
	f.name("draw.beacon", p.Beacon, 0)
	f.unless(onOneLine.MatchString(p.Beacon), "draw.beacon", "must be one line")
}

// replan changes how a show opens, which it can as long as nobody gathers for it.
func (f *faults) replan(r *showRow, p *DrawPlan) {
	now, then := r.Draw, p.column()
	same := now == nil && then == nil || now != nil && then != nil && *now == *then
	f.unless(same || r.Phase == PhaseDraft, "draw", "cannot change once the show is no draft")
	r.Draw = then
}

// isLobbyDue tells whether it is time for the lobby of a draft.
func (w Show) isLobbyDue(now int64) bool {
	at := micros(w.Draw.LobbyAt)
	return at != nil && *at <= now || w.StartsAt != nil && *w.StartsAt <= now
}
