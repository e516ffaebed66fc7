package queue

import (
	"context"
	"math"
)

// Stock is how a show's seats stand: the queue knows no more of them than these
// counts.
type Stock struct {
	Free int64
	Held int64 // on hold, or being paid for: they may come back
	Sold int64
	Most int64 // that one visitor may buy
	AsOf int64 // us, Redis's clock
}

// isSoldOut tells whether everything is sold, and nothing is held that could come back.
func (s *Stock) isSoldOut() bool { return s != nil && s.Free == 0 && s.Held == 0 }

// stock is how the seats stand now; nil while that is not known.
func (r *Room) stock(ctx context.Context) *Stock {
	if r.queue.stock == nil {
		return nil
	}
	s, err := r.queue.stock(ctx, r.show)
	if err != nil {
		return nil // whoever keeps the seats says why
	}
	return &s
}

// args are what lua/admit.lua is told of the stock.
func (s *Stock) args() (free, held, asOf int64) {
	if s == nil {
		return -1, 0, 0
	}
	return s.Free, s.Held, s.AsOf
}

// Chance is how likely somebody who waits still gets a seat.
type Chance string

// The chances.
const (
	ChanceGood Chance = "good" // the seats reach beyond everybody ahead
	ChanceLow  Chance = "low"  // they may not, or there are none but what may come back
	ChanceNone Chance = "none" // everything is sold
)

// Odds are what chances are worked out from; web/board.js works the same out.
type Odds struct {
	Free   int64   `json:"free"`
	Held   int64   `json:"held"`   // seats that may come back
	Rivals int64   `json:"rivals"` // people inside without seats, or about to be, or on the waiting list
	Each   float64 `json:"each"`   // seats that somebody who is let in takes, on average
	Most   int64   `json:"most"`   // seats that anybody takes
}

// sceptics are reckoned among those who have bought, each of whom bought as much as they
// may, and none of whom left without: so a sale begins with that, and learns.
const sceptics = 5

// newOdds works out what a view says of the seats; nil while they are not known.
//
// What somebody let in takes is seats sold ÷ people who have gone again, which is seats
// a buyer times the share of people who buy. Who buys is faster than who cannot find anything, so
// this is too high while the sale is young, and comes down.
func newOdds(v *view) *Odds {
	if v.stock == nil {
		return nil
	}
	s := v.stock
	most := float64(max(s.Most, 1))
	bought := v.totals.Finished
	buys := float64(bought+sceptics) / float64(max(v.totals.Admitted-v.totals.Active, bought)+sceptics)
	// Seats may have been sold before the queue was reset, or beside it.
	each := math.Min((float64(s.Sold)+sceptics*most)/float64(bought+sceptics), most)
	return &Odds{
		Free: s.Free, Held: s.Held, Rivals: max(0, v.totals.Active-v.holding) + v.listed + v.overtaking(),
		Each: math.Round(each*buys*1000) / 1000, Most: max(s.Most, 1),
	}
}

// overtaking is how many come in behind somebody and choose before them: while people are
// inside, as many come in as there are (Little's law), and half of those before one of them has chosen.
func (v *view) overtaking() int64 {
	room := int64(v.rules.MaxActive)
	if v.served >= 0 {
		room = min(room, v.served)
	}
	return min(room, v.present()) / 2
}

// Chance is that of somebody at a position.
//
// Those ahead and the rivals take `each` seats on average, and each of them between none and `most`; so
// what n of them take is, with all but a few in a hundred crowds, below n·each + 2·√(n·each·most).
// What is left beyond that must be as much as anybody takes.
func (o *Odds) Chance(position int64) Chance {
	switch {
	case o == nil:
		return ""
	case o.Free+o.Held == 0:
		return ChanceNone
	}
	taken := float64(o.Rivals+position-1) * o.Each
	if taken+2*math.Sqrt(taken*float64(o.Most))+float64(o.Most) > float64(o.Free) {
		return ChanceLow
	}
	return ChanceGood
}
