// Package invariant names what must hold always, whatever fails. Tests, the
// simulator, the load scripts and `frontrow verify` all speak of these names.
package invariant

import "fmt"

// The invariants, each under the one name that is used for it everywhere.
const (
	SoldOnce      = "sold-once"      // a seat belongs to at most one paid order
	PaidIsKept    = "paid-is-kept"   // an order answered as paid is there after any crash, with its seats
	MoneyBalances = "money-balances" // per wallet: charges − payments + refunds = balance; per card order: captured − refunded = owed
	Settled       = "settled"        // every order comes to an end, and its events say how: no payment stays without an outcome
	Cap           = "cap"            // no admission leaves active > max_active
	Rate          = "rate"           // admitted in any window of one interval ≤ the largest admit in force in it
	InOrder       = "in-order"       // at each admission nobody present and waiting has a smaller number than somebody admitted
	OnePlace      = "one-place"      // a visitor has at most one place in a show
	PlaceSurvives = "place-survives" // restarts and lost servers change nobody's number, and put nobody out
	PassNeeded    = "pass-needed"    // no new hold or order of a visitor who was not active at the pin before it
	ToldOnce      = "told-once"      // the effects of each listener for each event show once
	AsDrawn       = "as-drawn"       // whoever was in the lobby has the number that seed, beacon and lobby give
	Limit         = "limit"          // paid and held seats of a visitor in a show ≤ its limit
)

// All lists the invariants of every show, in the order in which verdicts show them;
// AsDrawn is of those alone that open by draw.
var All = []string{
	SoldOnce, PaidIsKept, MoneyBalances, Settled, Cap, Rate, InOrder,
	OnePlace, PlaceSurvives, PassNeeded, ToldOnce, Limit,
}

// Violation is one finding: which invariant broke, where, and what shows it.
type Violation struct {
	Invariant string `json:"invariant"`
	Show      string `json:"show,omitempty"`
	Detail    string `json:"detail"`
}

// Violationf makes a Violation with a formatted detail.
func Violationf(name, show, format string, args ...any) Violation {
	return Violation{Invariant: name, Show: show, Detail: fmt.Sprintf(format, args...)}
}

// String is the one line that `frontrow verify` prints.
func (v Violation) String() string {
	if v.Show == "" {
		return v.Invariant + ": " + v.Detail
	}
	return v.Invariant + ": show " + v.Show + ": " + v.Detail
}
