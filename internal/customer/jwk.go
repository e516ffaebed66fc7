package customer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// signedByKey are the methods by which a key of a shop may have signed, one for each kind of key but RSA.
var signedByKey = []string{
	jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg(), jwt.SigningMethodRS256.Alg(),
}

// publicKey is one that verifies what was signed by one method, and no other.
type publicKey struct {
	id, method string
	key        any
}

// jwk is a key as RFC 7517, 7518 and 8037 write it.
type jwk struct {
	Kind   string `json:"kty"`
	ID     string `json:"kid"`
	Use    string `json:"use"`
	Method string `json:"alg"`
	Curve  string `json:"crv"`
	N      string `json:"n"`
	E      string `json:"e"`
	X      string `json:"x"`
	Y      string `json:"y"`
}

// Bounds of an RSA key, in bits: less is not safe, more is not worth its time.
const (
	leastRSA = 2048
	mostRSA  = 8192
)

// read says false for a key of another use, kind or size than are verified by here.
func (j jwk) read() (publicKey, bool) {
	k := publicKey{id: j.ID}
	if j.Use != "" && j.Use != "sig" {
		return k, false
	}
	switch j.Kind + " " + j.Curve {
	case "RSA ":
		k.method, k.key = jwt.SigningMethodRS256.Alg(), j.rsa()
	case "EC P-256":
		k.method, k.key = jwt.SigningMethodES256.Alg(), j.ecdsa()
	case "OKP Ed25519":
		k.method, k.key = jwt.SigningMethodEdDSA.Alg(), j.ed25519()
	}
	return k, k.key != nil && (j.Method == "" || j.Method == k.method)
}

func bytesOf(text string) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

// The following give nil for what is no such key.

func (j jwk) rsa() any {
	n, e := new(big.Int).SetBytes(bytesOf(j.N)), new(big.Int).SetBytes(bytesOf(j.E))
	if n.BitLen() < leastRSA || n.BitLen() > mostRSA || e.BitLen() > 31 || e.Int64() < 3 || e.Int64()%2 == 0 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}

func (j jwk) ecdsa() any {
	x, y := bytesOf(j.X), bytesOf(j.Y)
	if len(x) != 32 || len(y) != 32 {
		return nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil { // no point of the curve
		return nil
	}
	return key
}

func (j jwk) ed25519() any {
	x := bytesOf(j.X)
	if len(x) != ed25519.PublicKeySize {
		return nil
	}
	return ed25519.PublicKey(x)
}
