package api

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// scriptOf runs a script of web as a browser would that knows no modules.
func scriptOf(t *testing.T, name string) *goja.Runtime {
	t.Helper()
	source, err := web.ReadFile("web/" + name)
	if err != nil {
		t.Fatal(err)
	}
	vm := goja.New()
	text := strings.ReplaceAll(strings.ReplaceAll(string(source), "export function", "function"), "export const", "const")
	text = strings.ReplaceAll(text, "export class History", "globalThis.History = class History")
	if _, err := vm.RunString(text); err != nil {
		t.Fatal(err)
	}
	return vm
}

func TestTheDeskForetellsTheEffectOfARule(t *testing.T) {
	t.Parallel()
	vm := scriptOf(t, "foretell.js")
	var emptying func(map[string]any) map[string]any
	if err := vm.ExportTo(vm.Get("emptying"), &emptying); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		waiting, active, admit, interval, maxActive int
		stay                                        any
		seconds                                     float64
		bound                                       string
		sure                                        bool
	}{
		"by the rate":                     {6000, 0, 10, 1000, 1_000_000, 60.0, 600, "rate", true},
		"by the cap, full":                {6000, 100, 10, 1000, 100, 50.0, 3000, "cap", true},
		"by the cap, empty at first":      {6000, 0, 10, 1000, 100, 20.0, 20 + 5800.0/5, "cap", true},
		"few enough before the cap":       {50, 0, 10, 1000, 100, 20.0, 5, "cap", true},
		"just what the cap takes":         {6000, 100, 10, 1000, 100, 10.0, 600, "rate", true},
		"another interval":                {6000, 0, 10, 500, 1_000_000, 60.0, 300, "rate", true},
		"nobody knows how long they stay": {6000, 100, 10, 1000, 100, nil, 600, "rate", false},
		"nobody is let in":                {6000, 0, 0, 1000, 100, 60.0, math.Inf(1), "shut", true},
		"nobody may be inside":            {6000, 0, 10, 1000, 0, 60.0, math.Inf(1), "shut", true},
		"too many inside":                 {6000, 200, 10, 1000, 100, 10.0, 600 + 10*math.Ln2, "rate", true},
		"nobody waits":                    {0, 0, 10, 1000, 100, 60.0, 0, "cap", true},
	} {
		got := emptying(map[string]any{
			"waiting": c.waiting, "active": c.active, "admit": c.admit, "interval": c.interval, "cap": c.maxActive, "stay": c.stay,
		})
		seconds, ok := got["seconds"].(float64)
		if n, whole := got["seconds"].(int64); whole {
			seconds, ok = float64(n), true
		}
		if !ok || seconds != c.seconds && math.Abs(seconds-c.seconds) > 0.001 || got["bound"] != c.bound || got["sure"] != c.sure {
			t.Errorf("%s: %v, want %v by %s", name, got, c.seconds, c.bound)
		}
	}
}

func TestTheDesksHistoryIsAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	vm := scriptOf(t, "chart.js")
	value, err := vm.RunString(`
		const h = new History();
		for (let s = 0; s <= 1200; s++) h.add({ at: s * 1000, total: s < 600 ? s * 2 : 1200 + (s - 600) * 10 });
		const fell = new History([{ at: 0, total: 50 }]);
		fell.add({ at: 5000, total: 3 });
		JSON.stringify([
			h.samples.length, h.samples[0].at, h.perMinute("total").at(-1), h.perMinute("total")[250],
			h.add({ at: 1200 * 1000, total: 0 }), fell.perMinute("total"),
			[0, 1, 1.5, 2, 3, 7, 10, 11, 99_000].map(ceiling),
		])`)
	if err != nil {
		t.Fatal(err)
	}
	if want := `[901,300000,600,120,false,[null,null],[1,1,2,2,5,10,10,20,100000]]`; value.String() != want {
		t.Errorf("got %s, want %s", value, want)
	}
}

// Every action that the audit can tell of, and every figure, has its words.
func TestTheDeskHasWordsForEverything(t *testing.T) {
	t.Parallel()
	there := messagesOf(t, "en")
	document, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(document), "    AuditEntry:")
	_, rest, _ = strings.Cut(rest, "enum:\n")
	actions, _, _ := strings.Cut(rest, "        operator:")
	_, rest, _ = strings.Cut(string(document), "    FoundVisitor:")
	_, rest, _ = strings.Cut(rest, "enum: [")
	states, _, _ := strings.Cut(rest, "]")
	wants := map[string][]string{"desk.action.": strings.Fields(strings.ReplaceAll(actions, "- ", "")), "desk.place.": strings.Split(states, ", "), "desk.tile.": tiles}
	for prefix, names := range wants {
		if len(names) < 5 {
			t.Errorf("only %d texts %s", len(names), prefix)
		}
		for _, name := range names {
			if _, ok := there[prefix+name]; !ok {
				t.Errorf("no text %s%s", prefix, name)
			}
		}
	}
}
