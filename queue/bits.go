package queue

import (
	"encoding/binary"
	"math/bits"
)

// line is the part of `present` beyond the head, with a count of the bits before
// each word: how many people are ahead of a number is one lookup and one popcount.
// It takes 0.19 bytes a number.
type line struct {
	first int64 // number of the first bit; a multiple of 64
	head  int64 // numbers up to here do not count
	words []uint64
	ahead []uint32 // bits set in the words before
	total int64
}

// newLine reads a bitmap as Redis stores it, most significant bit first.
func newLine(first, head int64, raw []byte) line {
	n := (len(raw) + 7) / 8
	l := line{first: first, head: head, words: make([]uint64, n), ahead: make([]uint32, n)}
	for i := range n {
		if rest := raw[i*8:]; len(rest) >= 8 {
			l.words[i] = binary.BigEndian.Uint64(rest)
		} else {
			var last [8]byte
			copy(last[:], rest)
			l.words[i] = binary.BigEndian.Uint64(last[:])
		}
	}
	// The first word's bits up to the head are of people who were called.
	if n > 0 {
		l.words[0] &= ^uint64(0) >> uint(head-first+1)
	}
	for i, word := range l.words {
		l.ahead[i] = uint32(l.total)
		l.total += int64(bits.OnesCount64(word))
	}
	return l
}

// position says whether the number is beyond the head and present, and then how
// many present ones there are up to and with it.
func (l *line) position(number int64) (int64, bool) {
	offset := number - l.first
	if number <= l.head || offset>>6 >= int64(len(l.words)) {
		return 0, false
	}
	if l.words[offset>>6]>>uint(63-offset&63)&1 == 0 {
		return 0, false
	}
	return l.upTo(number), true
}

// upTo counts the present ones beyond the head, up to and with the number.
func (l *line) upTo(number int64) int64 {
	offset := number - l.first
	if number <= l.head {
		return 0
	}
	if offset>>6 >= int64(len(l.words)) {
		return l.total
	}
	bit := uint(63 - offset&63)
	return int64(l.ahead[offset>>6]) + int64(bits.OnesCount64(l.words[offset>>6]>>bit))
}
