package api

import (
	"os"
	"strings"
	"testing"
)

// k6 judges by the same names: one that it does not know would end its run.
func TestEveryInvariantThatIsVerifiedIsKnownToK6(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../scripts/k6/invariants.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Verified {
		if !strings.Contains(string(script), "'"+strings.ReplaceAll(name, "-", "_")+"'") {
			t.Errorf("scripts/k6/invariants.js does not know %s", name)
		}
	}
}
