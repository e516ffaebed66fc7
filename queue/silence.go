package queue

import (
	"context"
	"time"
)

// A Redis that was silent may have been replaced in the meantime, and not know when it wakes: Sentinel tells it some ten seconds
// later. Until then its numbers are told to nobody, it is not asked to let anybody in, and no epoch is begun there in place of
// one that another has won, unless MySQL knows of none.
const (
	// silence is how long it takes: a gateway hears of each room once a second. It must be less than Sentinels and clusters
	// wait before they name another (down-after-milliseconds, cluster-node-timeout) and have done so.
	silence = watchEvery * 3 / 2
	// doubt is how long a gateway makes sure after a silence.
	doubt = 15 * time.Second
)

// hears notes that Redis has answered.
func (r *Room) hears(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.heardAt.IsZero() && now.Sub(r.heardAt) > silence {
		r.doubtUntil = now.Add(doubt)
	}
	r.heardAt = now
}

// doubts tells whether Redis was silent a short while ago, or is now.
func (r *Room) doubts(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.doubtUntil) || !r.heardAt.IsZero() && now.Sub(r.heardAt) > silence
}

// makesSure asks MySQL, while there is doubt, whether an epoch still is the newest. May return an UnavailableError.
func (r *Room) makesSure(ctx context.Context, what string, epoch int64) error {
	if !r.doubts(time.Now()) {
		return nil
	}
	kept, err := r.queue.ledger.Load(ctx, r.show)
	if err == nil && kept.Epoch > epoch {
		r.poke()
		err = errLost
	}
	if err != nil {
		return unavailable(what, err)
	}
	return nil
}

// grace is how long a rival has to begin an epoch before this gateway wins the next: while there is doubt they have most
// probably begun it elsewhere, where this gateway soon will look as well.
func (r *Room) grace() time.Duration {
	if r.doubts(time.Now()) {
		return doubt
	}
	return rivalGrace
}
