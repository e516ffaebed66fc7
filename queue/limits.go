package queue

import "strconv"

// Guarded tells whether a join must say where the visitor comes from, by the rules
// that are in force or about to be.
func (r *Room) Guarded() bool {
	v := r.view.Load()
	return v != nil && v.rules.guarded() || r.rules.Load().Rules.guarded()
}

// Identity is what a new place asks of who joins: one of IdentityOff and the like. Redis has no
// part in it.
func (r *Room) Identity() string { return r.rules.Load().Rules.Identity }

// flags are what lua/join.lua is told of a visitor: mostly one digit.
func (a joinAsk) flags() string {
	fresh := "0"
	if a.fresh {
		fresh = "1"
	}
	if !a.from.IsValid() && a.proof.id == "" {
		return fresh
	}
	address, network, id := "-", "-", "-"
	if a.from.IsValid() {
		address, network = AddressOf(a.from).Addr().String(), NetworkOf(a.from).Addr().String()
	}
	if a.proof.id != "" {
		id = a.proof.id
	}
	return fresh + " " + address + " " + network + " " + id + " " + strconv.FormatInt(a.proof.until, 10)
}
