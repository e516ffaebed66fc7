package queue

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// CodeLifetime is how long a code may take to get to where it is redeemed.
const CodeLifetime = time.Minute

const (
	codePrefix = "frc1."
	nonceSize  = 12
	// maxCode is longer than any code of ours, in characters.
	maxCode = 512
)

// newCodeKey makes the cipher of codes.
func newCodeKey(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Code carries a place to another origin, where the visitor's cookie does not reach: good
// there alone, once, and for a minute. It is encrypted, since a URL gets into logs and
// histories, and the token that it carries is good for longer.
func (r *Room) Code(token Token, origin string, now time.Time) string {
	plain := binary.AppendUvarint(nil, uint64(now.Add(CodeLifetime).Unix()))
	plain = append(plain, r.queue.keys.Token(token)...)
	sealed := r.queue.keys.keys[0].codes.Seal(nil, nil, plain, codeFor(r.show, origin))
	return codePrefix + base64.RawURLEncoding.EncodeToString(sealed)
}

// Redeem returns the place that a code carries to this origin. May return ErrCodeInvalid,
// ErrCodeSpent, or an UnavailableError.
func (r *Room) Redeem(ctx context.Context, code, origin string, now time.Time) (Token, error) {
	text, ok := strings.CutPrefix(code, codePrefix)
	sealed, err := strict.DecodeString(text)
	if !ok || err != nil || len(code) > maxCode || len(sealed) < nonceSize {
		return Token{}, ErrCodeInvalid
	}
	var plain []byte
	for _, k := range r.queue.keys.keys {
		if plain, err = k.codes.Open(nil, nil, sealed, codeFor(r.show, origin)); err == nil {
			break
		}
	}
	until, size := binary.Uvarint(plain)
	if err != nil || size <= 0 || now.Unix() >= int64(until) {
		return Token{}, ErrCodeInvalid
	}
	token, err := r.queue.keys.ParseToken(string(plain[size:]))
	if err != nil || token.Show != r.show {
		return Token{}, ErrCodeInvalid
	}
	return token, r.spend(ctx, sealed[:nonceSize], int64(until), now)
}

// spend notes that a code was redeemed, and forgets those that are past their time. May
// return ErrCodeSpent, or an UnavailableError.
func (r *Room) spend(ctx context.Context, nonce []byte, until int64, now time.Time) error {
	var added *redis.IntCmd
	_, err := r.queue.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		added = p.ZAddNX(ctx, codesKey(r.show), redis.Z{Score: float64(until), Member: nonce})
		// Another gateway's clock may be a little behind.
		p.ZRemRangeByScore(ctx, codesKey(r.show), "-inf", strconv.FormatInt(now.Add(-CodeLifetime).Unix(), 10))
		return nil
	})
	switch {
	case err != nil:
		return unavailable("redeem", err)
	case added.Val() == 0:
		return ErrCodeSpent
	}
	return nil
}

// codeFor is what a code is bound to.
func codeFor(show, origin string) []byte { return []byte(show + " " + origin) }
