package queue

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// solve looks for a nonce as a browser does.
func solve(c Challenge) string {
	for nonce := 0; ; nonce++ {
		text := c.Text + "." + strconv.Itoa(nonce)
		hash := sha256.Sum256([]byte(text))
		if binary.BigEndian.Uint32(hash[:]) < c.Below {
			return text
		}
	}
}

// unsolved finds a nonce that is no solution.
func unsolved(c Challenge) string {
	for nonce := 0; ; nonce++ {
		text := c.Text + "." + strconv.Itoa(nonce)
		hash := sha256.Sum256([]byte(text))
		if binary.BigEndian.Uint32(hash[:]) >= c.Below {
			return text
		}
	}
}

func proving() Rules {
	rules := quick()
	rules.ProofOfWork = true
	return rules
}

func (g *gate) challenge() Challenge {
	g.t.Helper()
	c, err := g.Challenge()
	must(g.t, err)
	return c
}

// brings joins with a proof, and returns what it was told.
func (g *gate) brings(who Who, proof string) error {
	g.t.Helper()
	who.Proof = proof
	_, created, err := g.Join(g.t.Context(), who)
	if err == nil && !created {
		g.t.Fatal("no new place")
	}
	return err
}

func wantErr(t *testing.T, got, want error, what string) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestNewPlacesCostAProof(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		h := newHouse(t, url, proving())
		a, b := h.gate(), h.gate()
		other := &house{t: t, url: url, keys: h.keys, books: newBooks(), list: &list{}, show: h.show}
		other.show.ID += "-other"
		strange := newHouse(t, url, proving()).gate()

		wantErr(t, a.brings(newcomer(), ""), ErrProofRequired, "none")
		c := a.challenge()
		for name, proof := range map[string]string{
			"not solved":     unsolved(c),
			"no nonce":       c.Text,
			"empty nonce":    c.Text + ".",
			"no number":      c.Text + ".nonce",
			"long nonce":     solve(c) + "000000000000000000000",
			"garbage":        "garbage",
			"not base64":     "!" + solve(c)[1:],
			"another show's": solve(other.gate().challenge()),
			"another house":  solve(strange.challenge()),
			"lowered":        solve(lowered(t, c)),
		} {
			wantErr(t, a.brings(newcomer(), proof), ErrProofInvalid, name)
		}
		solved := solve(c)
		wantErr(t, b.brings(newcomer(), solved), nil, "solved, at another gateway")
		wantErr(t, a.brings(newcomer(), solved), ErrProofSpent, "replayed")
		wantErr(t, b.brings(newcomer(), solved), ErrProofSpent, "replayed at the other")
		wantErr(t, a.brings(newcomer(), solve(a.challenge())), nil, "the next")
	})
}

// lowered makes a challenge easier than it was signed.
func lowered(t *testing.T, c Challenge) Challenge {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(c.Text)
	must(t, err)
	binary.BigEndian.PutUint32(raw[proofID+8:], 1<<31)
	c.Text, c.Below = base64.RawURLEncoding.EncodeToString(raw), 1<<31
	return c
}

// Redis's clock says what is past its time; at the very end it is.
func TestProofsExpire(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, proving()).gate()
		c := g.challenge()
		if left := time.UnixMicro(g.now()).Add(challengeLife).Sub(c.Expires).Abs(); left > 20*time.Second {
			t.Errorf("the challenge is good until %s off its life", left)
		}
		make := func(until int64) string {
			return solve(Challenge{Text: g.queue.keys.challenge(g.show, 1<<31, until), Below: 1 << 31})
		}
		wantErr(t, g.brings(newcomer(), make(g.now())), ErrProofInvalid, "at its end")
		wantErr(t, g.brings(newcomer(), make(g.now()+time.Minute.Microseconds())), nil, "before")
	})
}

// Who has a place needs no proof, nor is one spent that did not get a place.
func TestWhoHasAPlaceNeedsNoProof(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		rules := proving()
		rules.JoinsPerAddress = 1
		g := newHouse(t, url, rules).gate()
		who, c := from("192.0.2.1"), g.challenge()
		wantErr(t, g.brings(who, solve(c)), nil, "join")
		g.look()
		_, created, err := g.Join(t.Context(), Who{Visitor: who.Visitor})
		must(t, err)
		equal(t, created, false, "created")

		kept := solve(g.challenge())
		if err := g.brings(from("192.0.2.1"), kept); !isTooMany(err) {
			t.Errorf("told %v, want too many", err)
		}
		wantErr(t, g.brings(from("192.0.2.2"), kept), nil, "with the proof that was not spent")
		wantErr(t, g.brings(from("192.0.2.3"), kept), ErrProofSpent, "and again")
	})
}

// One call in which two bring the same proof gives one place.
func TestOneProofOnePlaceInACall(t *testing.T) {
	t.Parallel()
	testenv.EachRedis(t, func(t *testing.T, url string) {
		g := newHouse(t, url, quick()).gate()
		g.joins() // the first reserves numbers
		asked := *g.rules.Load()
		asked.Rules.ProofOfWork, asked.RulesVersion = true, 2
		must(t, g.Apply(t.Context(), asked))
		p := proof{"once", g.now() + 60_000_000}
		answers, err := g.askJoins(t.Context(), []joinAsk{{visitor: NewVisitor(), proof: p}, {visitor: NewVisitor(), proof: p}})
		must(t, err)
		equal(t, answers[0].code, "joined", "the first")
		equal(t, answers[1].code, "spent", "the second")
	})
}

func TestWorkFollowsTheRush(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		joining, letIn float64
		work           int
	}{
		{0, 10, leastWork}, {10, 10, leastWork}, {20, 10, 2 * leastWork}, {80, 10, mostWork},
		{81, 10, mostWork}, {1e9, 10, mostWork}, {2, 0, 2 * leastWork},
	} {
		work := workFor(test.joining, test.letIn)
		equal(t, work, test.work, "work")
		if tries := float64(1<<32) / float64(below(work)); tries < float64(work)*0.999 || tries > float64(work)*1.001 {
			t.Errorf("%d hashes asked for, %f needed", work, tries)
		}
	}
	var r rush
	at := func(s, joined int64) {
		r.note(&view{asOf: s * 1_000_000, epoch: 1, totals: Totals{Joined: joined}})
	}
	at(1, 0)
	equal(t, r.rate(), 0, "one view")
	at(2, 50)
	equal(t, r.rate(), 50, "a second")
	for s := range int64(20) {
		at(3+s, 50)
	}
	equal(t, r.rate(), 0, "ten silent seconds")
	r.note(&view{asOf: 30_000_000, epoch: 2, totals: Totals{Joined: 9}})
	equal(t, r.rate(), 0, "lost")
}
