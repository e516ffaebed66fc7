// Command go checks Frontrow passes in a shop, with Go's own cryptography:
//
//	go run ./deploy/shops/go JWKS-URL SHOW < passes
//
// It answers each line with the visitor, or with "refused" and why.
package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// pass is what a shop wants to know of one.
type pass struct {
	Visitor  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"` // ["show"], or "show"
	Expires  int64           `json:"exp"` // s since 1970
	Number   int64           `json:"num"` // of the admission
}

// fetchKeys reads the public keys by their id. Keep them for some minutes, and fetch them again
// for an id that is not among them.
func fetchKeys(url string) (map[string]ed25519.PublicKey, error) {
	response, err := (&http.Client{Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X string }
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		if x, err := base64.RawURLEncoding.DecodeString(k.X); err == nil && k.Kty == "OKP" && k.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize {
			keys[k.Kid] = x
		}
	}
	return keys, nil
}

// check returns what a pass says, if it is genuine, for this show, and in its time.
func check(keys map[string]ed25519.PublicKey, show, text string, now time.Time) (p pass, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return p, errors.New("not a pass")
	}
	var raw [3][]byte
	for i, part := range parts {
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return p, errors.New("not a pass")
		}
	}
	var header struct{ Alg, Kid string }
	if json.Unmarshal(raw[0], &header) != nil || header.Alg != "EdDSA" {
		return p, errors.New("not signed with EdDSA")
	}
	key, ok := keys[header.Kid]
	if !ok || !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), raw[2]) {
		return p, errors.New("not signed by Frontrow")
	}
	if err := json.Unmarshal(raw[1], &p); err != nil {
		return p, errors.New("not a pass")
	}
	if a := strings.Trim(string(p.Audience), "[]"); a != `"`+show+`"` {
		return p, errors.New("for another show")
	}
	if now.Unix() >= p.Expires {
		return p, errors.New("expired")
	}
	return p, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go JWKS-URL SHOW < passes")
		os.Exit(2)
	}
	keys, err := fetchKeys(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if p, err := check(keys, os.Args[2], lines.Text(), time.Now()); err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println(p.Visitor)
		}
	}
}
