//go:build deploy

package main

import (
	"encoding/base64"
	"os/exec"
	"strings"
	"testing"
	"time"

	"frontrow/queue"
)

// Shops that check the pass by themselves: each example of deploy/shops takes the good
// one, and no other. Java is tried where it is, for it is large; the others are needed.
func TestShopsCheckThePassThemselves(t *testing.T) {
	t.Parallel()
	g := backend{}.serve(t)
	keys, err := queue.NewKeyring(testSecret)
	must(t, err)
	foreign, err := queue.NewKeyring(strings.Repeat("b3RoZXItc2VjcmV0", 4))
	must(t, err)
	visitor, now := queue.NewVisitor(), time.Now()
	sign := func(ring *queue.Keyring, show string, expires time.Time) string {
		t.Helper()
		text, err := ring.Pass(queue.Pass{Issuer: queueURL, Visitor: visitor, Show: show, Number: 7, Issued: now.Add(-time.Hour), Expires: expires})
		must(t, err)
		return text
	}
	good := sign(keys, "demo", now.Add(time.Hour))
	parts := strings.Split(good, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	tampered := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), `"num":7`, `"num":8`, 1)))
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	cases := []struct{ pass, want string }{
		{good, visitor},
		{parts[0] + "." + tampered + "." + parts[2], "refused: not signed by Frontrow"},
		{parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), "refused: not signed by Frontrow"},
		{none + "." + parts[1] + "." + parts[2], "refused: not signed with EdDSA"},
		{sign(foreign, "demo", now.Add(time.Hour)), "refused: not signed by Frontrow"},
		{sign(keys, "other", now.Add(time.Hour)), "refused: for another show"},
		{sign(keys, "demo-2", now.Add(time.Hour)), "refused: for another show"},
		{sign(keys, "demo", now.Add(-time.Second)), "refused: expired"},
		{"nonsense", "refused: not a pass"},
		{good, visitor},
	}
	var passes, want strings.Builder
	for _, c := range cases {
		passes.WriteString(c.pass + "\n")
		want.WriteString(c.want + "\n")
	}
	for name, command := range map[string][]string{
		"go":      {"go", "run", "../../deploy/shops/go"},
		"node":    {"node", "../../deploy/shops/node/pass.mjs"},
		"python3": {"python3", "../../deploy/shops/python/shop_pass.py"},
		"java":    {"java", "../../deploy/shops/java/ShopPass.java"},
		"php":     {"php", "../../deploy/shops/php/pass.php"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				if name != "java" {
					t.Fatal(err)
				}
				t.Skipf("no %s here", name)
			}
			cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], g.URL()+"/.well-known/jwks.json", "demo")...)
			cmd.Stdin = strings.NewReader(passes.String())
			cmd.Stderr = testWriter{t}
			got, err := cmd.Output()
			must(t, err)
			if string(got) != want.String() {
				t.Errorf("said\n%swant\n%s", got, &want)
			}
		})
	}
}
