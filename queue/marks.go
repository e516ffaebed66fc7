package queue

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// marks are the numbers that a gateway heard of since it last told Redis: one
// bit each, set by every poll without a lock of its own.
type marks struct {
	mu    sync.RWMutex // held for writing only to grow or to take
	first int64        // number of the first bit; a multiple of 64
	words []atomic.Uint64
}

// mark notes a number. Numbers before the first are of people who were called
// since; scripts note those.
func (m *marks) mark(number int64) {
	if m.markIn(number) {
		return
	}
	m.mu.Lock()
	if offset := (number - m.first) >> 6; offset >= int64(len(m.words)) {
		grown := make([]atomic.Uint64, max(offset+1, int64(len(m.words))*5/4))
		for i := range m.words {
			grown[i].Store(m.words[i].Load())
		}
		m.words = grown
	}
	m.mu.Unlock()
	m.markIn(number)
}

func (m *marks) markIn(number int64) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	offset := number - m.first
	if offset < 0 {
		return true
	}
	if offset>>6 >= int64(len(m.words)) {
		return false
	}
	word, bit := &m.words[offset>>6], uint64(1)<<(63-offset&63)
	if word.Load()&bit == 0 {
		word.Or(bit)
	}
	return true
}

// take returns what was marked as a bitmap in Redis's order, and starts anew for
// numbers from `from` on. It returns no bits when nothing was marked.
func (m *marks) take(from int64) (first int64, raw []byte) {
	m.mu.Lock()
	words, first := m.words, m.first
	m.words, m.first = make([]atomic.Uint64, len(words)), from&^63
	m.mu.Unlock()

	raw = make([]byte, 0, len(words)*8)
	used := 0
	for i := range words {
		word := words[i].Load()
		raw = binary.BigEndian.AppendUint64(raw, word)
		if word != 0 {
			used = len(raw)
		}
	}
	return first, raw[:used]
}

// putBack notes again what take returned and nobody could be told.
func (m *marks) putBack(first int64, raw []byte) {
	for i, octet := range raw {
		for bit := range 8 {
			if octet&(0x80>>bit) != 0 {
				m.mark(first + int64(i*8+bit))
			}
		}
	}
}
