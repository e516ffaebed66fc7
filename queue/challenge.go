package queue

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// Challenge is a riddle whose solution is a proof of work. Whoever wants a new place
// looks for a nonce such that the SHA-256 of "<Text>.<nonce>" begins with 32 bits that, as
// a number, are below Below. Nothing is kept of it: Text says all, and is signed.
type Challenge struct {
	Text    string
	Below   uint32
	Work    int       // how many nonces have to be tried, on average
	Expires time.Time // by Redis's clock
}

// How long a challenge is good for, and the work that one asks for. Chromium's
// crypto.subtle did 50,000 to 100,000 hashes a second on two shared cores. A phone that is
// ten times slower is through the floor in a second, and through the ceiling in about six.
const (
	challengeLife = 2 * time.Minute
	leastWork     = 4_096
	mostWork      = 32_768
)

// Challenge makes a challenge for a new place in this show. The more people join for
// each who is let in, the more work it is. May return an UnavailableError.
func (r *Room) Challenge() (Challenge, error) {
	v, err := r.fresh()
	if err != nil {
		return Challenge{}, err
	}
	work := workFor(r.rush.rate(), v.rules.rate())
	c := Challenge{Work: work, Below: below(work), Expires: timeOf(v.asOf).Add(time.Since(v.taken) + challengeLife)}
	c.Text = r.queue.keys.challenge(r.show, c.Below, c.Expires.UnixMicro())
	return c, nil
}

// workFor is the least work while no more join than are let in, and grows as their
// ratio does. Who lets nobody in is taken to let in one a second.
func workFor(joining, letIn float64) int {
	return int(leastWork * min(max(joining/max(letIn, 1), 1), mostWork/leastWork))
}

// below is the number under which one hash in `work` begins.
func below(work int) uint32 { return uint32(uint64(math.MaxUint32) / uint64(work)) }

// proof is a solution that is ours and right; lua/join.lua says whether it is in its
// time, and spends it.
type proof struct {
	id    string
	until int64 // us
}

// A challenge is a random id, the time that it is good until, the number to go
// below, and the MAC of these and the show.
const (
	proofID        = 12
	challengeBytes = proofID + 8 + 4
	mostNonce      = 20 // digits
)

func (r *Keyring) challenge(show string, below uint32, until int64) string {
	raw := make([]byte, proofID, challengeBytes+len(show))
	rand.Read(raw)
	raw = binary.BigEndian.AppendUint64(raw, uint64(until))
	raw = binary.BigEndian.AppendUint32(raw, below)
	signed := r.keys[0].proofs.appendMAC(raw[:challengeBytes:challengeBytes], append(raw, show...))
	return base64.RawURLEncoding.EncodeToString(signed)
}

// solved reads "<challenge>.<nonce>". It returns ErrProofInvalid for what we did not
// make for this show, and for what is no solution.
func (r *Keyring) solved(show, text string) (proof, error) {
	challenge, nonce, ok := strings.Cut(text, ".")
	var raw [challengeBytes + macSize]byte
	if !ok || nonce == "" || len(nonce) > mostNonce || strings.Trim(nonce, "0123456789") != "" || len(challenge) != base64.RawURLEncoding.EncodedLen(len(raw)) {
		return proof{}, ErrProofInvalid
	}
	if _, err := strict.Decode(raw[:], []byte(challenge)); err != nil {
		return proof{}, ErrProofInvalid
	}
	said := append(append(make([]byte, 0, challengeBytes+len(show)), raw[:challengeBytes]...), show...)
	ours := false
	for _, k := range r.keys {
		ours = ours || k.proofs.verify(said, raw[challengeBytes:])
	}
	hash := sha256.Sum256([]byte(text))
	if !ours || binary.BigEndian.Uint32(hash[:]) >= binary.BigEndian.Uint32(raw[proofID+8:]) {
		return proof{}, ErrProofInvalid
	}
	return proof{
		id:    base64.RawURLEncoding.EncodeToString(raw[:proofID]),
		until: int64(binary.BigEndian.Uint64(raw[proofID:])),
	}, nil
}
