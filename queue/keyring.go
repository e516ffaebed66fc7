package queue

import (
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

// Keyring holds the keys that prove tokens, cookies and passes, all
// derived from the configured secrets, so that gateways share them. The first
// secret signs, all verify: a list rotates them without sending anybody away.
type Keyring struct {
	keys []key
}

type key struct {
	id       string // names the pass key in JWKS
	tokens   *macKey
	cookie   *macKey
	forms    *macKey
	proofs   *macKey
	desk     *macKey
	customer *macKey
	codes    cipher.AEAD
	pass     ed25519.PrivateKey
}

// minSecret is the least entropy that a secret brings, in bytes.
const minSecret = 32

// NewKeyring reads secrets as they stand in FRONTROW_SECRET: base64, at least 32
// bytes each, separated by commas.
func NewKeyring(secrets string) (*Keyring, error) {
	ring := &Keyring{}
	for i, text := range strings.Split(secrets, ",") {
		secret, err := DecodeSecret(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		k, err := newKey(secret)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		ring.keys = append(ring.keys, k)
	}
	return ring, nil
}

// DecodeSecret reads a secret as it stands in the environment: base64 of either alphabet, of
// 32 bytes or more.
func DecodeSecret(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	secret, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		secret, err = base64.RawURLEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, errors.New("is not base64")
	}
	if len(secret) < minSecret {
		return nil, fmt.Errorf("has %d bytes, needs %d", len(secret), minSecret)
	}
	return secret, nil
}

func newKey(secret []byte) (key, error) {
	derive := func(purpose string) ([]byte, error) {
		return hkdf.Key(sha256.New, secret, nil, "frontrow "+purpose, ed25519.SeedSize) // 32, as for every MAC
	}
	token, err := derive("queue token")
	if err != nil {
		return key{}, err
	}
	cookie, err := derive("visitor cookie")
	if err != nil {
		return key{}, err
	}
	forms, err := derive("page form")
	if err != nil {
		return key{}, err
	}
	proofs, err := derive("join challenge")
	if err != nil {
		return key{}, err
	}
	desk, err := derive("operator session")
	if err != nil {
		return key{}, err
	}
	customer, err := derive("customer cookie")
	if err != nil {
		return key{}, err
	}
	codes, err := derive("code of a place")
	if err != nil {
		return key{}, err
	}
	sealed, err := newCodeKey(codes)
	if err != nil {
		return key{}, err
	}
	seed, err := derive("pass")
	if err != nil {
		return key{}, err
	}
	pass := ed25519.NewKeyFromSeed(seed)
	id := sha256.Sum256(pass.Public().(ed25519.PublicKey))
	return key{
		id:       base64.RawURLEncoding.EncodeToString(id[:8]),
		tokens:   newMACKey(token),
		cookie:   newMACKey(cookie),
		forms:    newMACKey(forms),
		proofs:   newMACKey(proofs),
		desk:     newMACKey(desk),
		customer: newMACKey(customer),
		codes:    sealed,
		pass:     pass,
	}, nil
}

// macSize is the length of a MAC in bytes: 128 bits of HMAC-SHA256, the least
// that RFC 2104 §5 lets one truncate it to.
const macSize = 16

// macKey makes MACs under one key. The states are pooled: a poll verifies one.
type macKey struct{ pool sync.Pool }

// macState computes one MAC at a time; its sum is here so that a poll need not make room for one.
type macState struct {
	hash.Hash
	sum [sha256.Size]byte
}

func newMACKey(secret []byte) *macKey {
	return &macKey{pool: sync.Pool{New: func() any { return &macState{Hash: hmac.New(sha256.New, secret)} }}}
}

// appendMAC appends the MAC of message to dst.
func (k *macKey) appendMAC(dst, message []byte) []byte {
	state := k.pool.Get().(*macState)
	defer k.pool.Put(state)
	return append(dst, state.of(message)...)
}

func (s *macState) of(message []byte) []byte {
	s.Reset()
	s.Write(message)
	return s.Sum(s.sum[:0])[:macSize]
}

func (k *macKey) verify(message, mac []byte) bool {
	state := k.pool.Get().(*macState)
	defer k.pool.Put(state)
	return hmac.Equal(state.of(message), mac)
}
