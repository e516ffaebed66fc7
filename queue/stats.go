package queue

import (
	"context"
	"math"
	"strconv"
	"time"
)

// Stats are a room's figures, for operators and metrics.
type Stats struct {
	Show       string
	Phase      Phase
	Paused     bool
	Recovering bool
	Lobby      int64 // wait for the draw
	Waiting    int64 // keep a place in line
	Present    int64 // of those, there
	Away       int64 // may come back
	MaxActive  int64
	Served     int64 // most who may be inside for the seats that are left; -1: no such bound
	Holding    int64 // of those inside, hold seats
	SoldOut    bool
	Listed     int64 // are on the waiting list
	Totals     Totals
	Rate       float64 // visitors let in per second of late; 0 when not known
	Waits      Waits
	Stay       time.Duration // how long people stay inside; 0 when not known
	Epoch      int64
	Hasty      int64 // polls that came more than twice as fast as any were told, at this gateway
	Slowed     int64 // of those, refused: far too many
	AsOf       time.Time
}

// Waits tell how long those who were let in had waited, since the show opened.
type Waits struct {
	Count    int64
	P50, P90 time.Duration // to a tenth; 0 when nobody was let in
	Foretold int64         // how many had been told an ETA when they joined
	Inside   int64         // of those, how many waited within its range
}

// InsideRatio is the share of those who had been told an ETA whose wait lay in it.
func (w Waits) InsideRatio() float64 { return float64(w.Inside) / float64(max(w.Foretold, 1)) }

// Stats reads the room anew. May return an UnavailableError.
func (r *Room) Stats(ctx context.Context) (Stats, error) {
	v, err := r.refresh(ctx)
	if err != nil {
		return Stats{}, err
	}
	return r.figures(v), nil
}

// Figures are the stats as of the last view: they cost Redis nothing. It says false
// while there is no view.
func (r *Room) Figures() (Stats, bool) {
	v := r.view.Load()
	if v == nil {
		return Stats{}, false
	}
	return r.figures(v), true
}

func (r *Room) figures(v *view) Stats {
	return Stats{
		Show: r.show, Phase: v.phase, Paused: v.rules.Paused, Recovering: v.isRecovering(),
		Lobby: v.lobby, Waiting: v.waiting, Present: v.present(), Away: v.away, MaxActive: int64(v.rules.MaxActive),
		Served: v.served, Holding: v.holding, SoldOut: v.isSoldOut(), Listed: v.listed,
		Totals: v.totals, Waits: v.waits, Rate: r.pace.rate(), Stay: r.pace.stay(), Epoch: v.epoch,
		Hasty: r.haste.hasty.Load(), Slowed: r.haste.slowed.Load(), AsOf: timeOf(v.asOf),
	}
}

// readWaits reads the buckets that lua/resolve.lua counts into: bucket b holds
// waits from 1.1^b - 1 seconds.
func readWaits(buckets roomHash) Waits {
	var w Waits
	counts := map[int]int64{}
	last := 0
	for field, text := range buckets {
		n, _ := strconv.ParseInt(text, 10, 64)
		switch field {
		case "foretold":
			w.Foretold = n
		case "inside":
			w.Inside = n
		default:
			b, err := strconv.Atoi(field)
			if err != nil {
				continue
			}
			counts[b] += n
			w.Count += n
			last = max(last, b)
		}
	}
	quantile := func(q float64) time.Duration {
		var below int64
		for b := 0; b <= last; b++ {
			if below += counts[b]; below > 0 && float64(below) >= q*float64(w.Count) {
				return time.Duration((math.Pow(1.1, float64(b)+0.5) - 1) * float64(time.Second))
			}
		}
		return 0
	}
	w.P50, w.P90 = quantile(0.5), quantile(0.9)
	return w
}
