package queue

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// What a draw computes, and anybody can compute again. All inputs are texts, so
// that sha256sum gives the same.

// DrawAlgorithm names how the order comes about.
const DrawAlgorithm = "sha256(seed || beacon || visitor)"

// NewSeed makes a seed: 64 hexadecimal characters of 256 random bits.
func NewSeed() string {
	var raw [sha256.Size]byte
	rand.Read(raw[:]) // never fails, says its documentation
	return hex.EncodeToString(raw[:])
}

// Commitment is the hash of a seed, published before anybody is in the lobby.
func Commitment(seed string) string { return hexSum([]byte(seed)) }

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// visitorID is a visitor's id in binary: lobbies are large.
type visitorID [visitorBytes]byte

func (id visitorID) appendTo(text []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(text, id[:])
}

func (id visitorID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// lobby is who was there when it was frozen, in the byte order of their ids as texts.
type lobby []visitorID

// newLobby sorts, and drops whoever is in it twice. It takes the slice over.
func newLobby(ids []visitorID) lobby {
	// base64url has its letters in another order than their values, so texts are compared.
	type entry struct {
		text [visitorChars]byte
		id   visitorID
	}
	entries := make([]entry, len(ids))
	for i, id := range ids {
		entries[i].id = id
		id.appendTo(entries[i].text[:0])
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.text[:], b.text[:]) })
	for i := range entries {
		ids[i] = entries[i].id
	}
	return slices.Compact(ids)
}

// hash is the SHA-256 of the ids, a line each.
func (l lobby) hash() string {
	sum := sha256.New()
	line := make([]byte, 0, visitorChars+1)
	for _, id := range l {
		line = append(id.appendTo(line[:0]), '\n')
		sum.Write(line)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// lobbyPart is how many visitors are stored together: their ids fit a TEXT of MySQL.
const lobbyPart = 4000

// parts writes the ids end to end, lobbyPart of them at a time.
func (l lobby) parts() []string {
	var parts []string
	for some := range slices.Chunk(l, lobbyPart) {
		text := make([]byte, 0, len(some)*visitorChars)
		for _, id := range some {
			text = id.appendTo(text)
		}
		parts = append(parts, string(text))
	}
	return parts
}

// readLobby reads what parts wrote.
func readLobby(parts []string) (lobby, error) {
	var l lobby
	for _, part := range parts {
		for ; len(part) >= visitorChars; part = part[visitorChars:] {
			id, ok := visitorBits(part[:visitorChars])
			if !ok {
				return nil, fmt.Errorf("the stored lobby has %q for a visitor", part[:visitorChars])
			}
			l = append(l, id)
		}
		if part != "" {
			return nil, fmt.Errorf("the stored lobby ends in %q", part)
		}
	}
	return l, nil
}

// order is a lobby in the order that was drawn. It finds a visitor's rank without
// keeping their hashes: 18 bytes a visitor.
type order struct {
	ids  []visitorID
	keys []uint64 // the first bits of each one's hash, rising
	salt []byte   // seed and beacon
}

// draw puts a lobby in order.
func draw(seed, beacon string, l lobby) *order {
	o := &order{ids: make([]visitorID, len(l)), keys: make([]uint64, len(l)), salt: []byte(seed + beacon)}
	type lot struct {
		hash [sha256.Size]byte
		id   visitorID
	}
	lots := make([]lot, len(l))
	text := slices.Clone(o.salt)
	for i, id := range l {
		text = id.appendTo(text[:len(o.salt)])
		lots[i] = lot{sha256.Sum256(text), id}
	}
	slices.SortFunc(lots, func(a, b lot) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	for i, lot := range lots {
		o.ids[i], o.keys[i] = lot.id, binary.BigEndian.Uint64(lot.hash[:])
	}
	return o
}

// rank is a visitor's place in the order, from 0; false for somebody who was not in
// the lobby.
func (o *order) rank(visitor string) (int, bool) {
	id, ok := visitorBits(visitor)
	if !ok {
		return 0, false
	}
	var text [128 + 256]byte
	sum := sha256.Sum256(append(append(text[:0], o.salt...), visitor...))
	key := binary.BigEndian.Uint64(sum[:])
	at, found := slices.BinarySearchFunc(o.keys, key, cmp.Compare[uint64])
	for ; found && at < len(o.keys) && o.keys[at] == key; at++ {
		if o.ids[at] == id {
			return at, true
		}
	}
	return 0, false
}

// some are the ids of at most n ranks from one on, as texts.
func (o *order) some(from, n int) []string {
	from = min(max(from, 0), len(o.ids))
	ids := o.ids[from:min(from+n, len(o.ids))]
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}
