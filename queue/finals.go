package queue

import "sync"

// finals remembers which places are done, so that a dead token that is replayed
// costs Redis nothing. Only the newest some thousands are kept.
type finals struct {
	mu    sync.Mutex
	epoch int64
	now   map[placeID]State
	older map[placeID]State
}

type placeID struct {
	visitor string
	number  int64
}

// finalsKept bounds each of two halves.
const finalsKept = 50_000

func (f *finals) get(epoch int64, id placeID) (State, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch != epoch {
		return "", false
	}
	if state, ok := f.now[id]; ok {
		return state, true
	}
	state, ok := f.older[id]
	return state, ok
}

func (f *finals) put(epoch int64, id placeID, state State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch != epoch || f.now == nil {
		f.epoch, f.now, f.older = epoch, map[placeID]State{}, nil
	}
	if len(f.now) >= finalsKept {
		f.now, f.older = map[placeID]State{}, f.now
	}
	f.now[id] = state
}
