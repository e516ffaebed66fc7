package booking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// desk is the context of an operator at work.
func desk(t *testing.T) context.Context {
	t.Helper()
	return WithActor(t.Context(), Actor{Operator: "jiyeon", Address: "203.0.113.7", Request: "request-1"})
}

func (h *hall) entries(t *testing.T, show string) []AuditEntry {
	t.Helper()
	list, more, err := h.Audit(t.Context(), show, "", MostAudit)
	must0(t, err)
	if more {
		t.Error("there is more")
	}
	return list
}

// Every way to change something, and what the audit then says of it.
func TestAuditTellsWhoChangedWhat(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		buyer := visitor()
		h.charge(t, buyer, 10) // by the visitor: nothing for the audit
		steps := []struct {
			action, subject, before, after string
			do                             func(ctx context.Context) error
		}{
			{"patch_show", "", `{"title":"A show","venue":"Hall"}`, `{"title":"Encore","venue":"Arena"}`, func(ctx context.Context) error {
				return second(h.PatchShow(ctx, h.show.ID, ShowPatch{Title: new("Encore"), Venue: new("Arena"), MaxSeats: new(4)}))
			}},
			{"patch_show", "", `{"plays_at":null}`, `{"plays_at":"2030-01-01T00:00:00Z"}`, func(ctx context.Context) error {
				var p ShowPatch
				must0(t, json.Unmarshal([]byte(`{"plays_at":"2030-01-01T00:00:00Z"}`), &p))
				return second(h.PatchShow(ctx, h.show.ID, p))
			}},
			{"change_rules", "", `{}`, `{"admission":{"admit":1,"paused":false}}`, func(ctx context.Context) error {
				return second(h.ChangeRules(ctx, h.show.ID, func(json.RawMessage) (json.RawMessage, error) {
					return json.RawMessage(`{"admit":1,"paused":false}`), nil
				}))
			}},
			{"change_rules", "", `{"admission":{"paused":false}}`, `{"admission":{"paused":true}}`, func(ctx context.Context) error {
				return second(h.ChangeRules(ctx, h.show.ID, func(json.RawMessage) (json.RawMessage, error) {
					return json.RawMessage(`{"admit":1,"paused":true}`), nil
				}))
			}},
			{"set_message", "", `{"message":""}`, `{"message":"Doors in ten minutes"}`, func(ctx context.Context) error {
				return second(h.SetMessage(ctx, h.show.ID, "Doors in ten minutes"))
			}},
			{"reset_queue", "", `{"generation":1}`, `{"generation":2}`, func(ctx context.Context) error {
				return second(h.NextGeneration(ctx, h.show.ID, 1))
			}},
			{"set_phase", "", `{"phase":"open"}`, `{"phase":"closed"}`, func(ctx context.Context) error {
				return second(h.SetPhase(ctx, h.show.ID, PhaseClosed))
			}},
			{"charge_wallet", buyer, `{"balance":10}`, `{"balance":15}`, func(ctx context.Context) error {
				return second(h.Charge(ctx, buyer, 5, "key", "admin"))
			}},
		}
		var want []string
		for _, step := range steps {
			must0(t, step.do(desk(t)))
			must0(t, step.do(desk(t))) // changes nothing any more
			want = append(want, fmt.Sprintln(step.action, step.subject, step.before, step.after))
		}
		slices.Reverse(want)
		var got []string
		entries := h.entries(t, "")
		for _, e := range entries[:len(entries)-1] { // the hall itself came first
			got = append(got, fmt.Sprintln(e.Action, e.Subject, string(e.Before), string(e.After)))
			if e.Actor != (Actor{"jiyeon", "203.0.113.7", "request-1"}) || e.At == 0 || (e.Show == h.show.ID) != (e.Subject == "") {
				t.Errorf("entry %+v", e)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the audit says %v\nwant %v", got, want)
		}
		if first := entries[len(entries)-1]; first.Action != "create_show" || first.Actor != itself || string(first.Before) != "{}" {
			t.Errorf("first entry %+v", first)
		}
	})
}

func TestAuditOutlivesTheShow(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		spec := hallSpec()
		spec.Phase = PhaseDraft
		must1(h.CreateShow(desk(t), spec))(t)
		spec.Sections = spec.Sections[:1]
		_, _, err := h.PutShow(desk(t), spec)
		must0(t, err)
		must0(t, h.DeleteShow(desk(t), spec.Show))
		wantError(t, h.DeleteShow(desk(t), spec.Show), ErrShowNotFound)
		var actions []string
		for _, e := range h.entries(t, spec.Show) {
			actions = append(actions, e.Action)
			switch e.Action {
			case "put_layout":
				if string(e.Before) != `{"layout_version":1,"seats":20}` || string(e.After) != `{"layout_version":2,"seats":10}` {
					t.Errorf("entry %+v", e)
				}
			case "delete_show":
				var was values
				must0(t, json.Unmarshal(e.Before, &was))
				if was["title"] != spec.Title || was["seats"] != 10.0 || string(e.After) != "{}" {
					t.Errorf("entry %+v", e)
				}
			}
		}
		if !slices.Equal(actions, []string{"delete_show", "put_layout", "create_show"}) {
			t.Errorf("actions %v", actions)
		}
	})
}

// What cannot be written down is not done, and what is refused is not written down.
func TestNoChangeWithoutItsEntry(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		before := len(h.entries(t, ""))
		ctx, buyer := desk(t), visitor()
		wantType[*InvalidError](t, second(h.SetPhase(ctx, h.show.ID, "nonsense")))
		wantError(t, h.DeleteShow(ctx, h.show.ID), ErrShowInUse)
		wantError(t, second(h.CreateShow(ctx, Spec{Show: h.show.ID, Title: "T", Sections: hallSpec().Sections})), ErrShowExists)
		wantError(t, second(h.SetMessage(ctx, "nowhere", "text")), ErrShowNotFound)
		wantType[*InvalidError](t, second(h.Charge(ctx, buyer, 0, "key", "admin")))
		if n := len(h.entries(t, "")); n != before {
			t.Errorf("%d entries of what was refused", n-before)
		}

		must0(t, h.db.Exec("ALTER TABLE audit RENAME TO elsewhere").Error)
		show := must1(h.FindShow(t.Context(), h.show.ID))(t)
		for name, do := range map[string]func() error{
			"patch":   func() error { return second(h.PatchShow(ctx, h.show.ID, ShowPatch{Title: new("Encore")})) },
			"phase":   func() error { return second(h.SetPhase(ctx, h.show.ID, PhaseClosed)) },
			"message": func() error { return second(h.SetMessage(ctx, h.show.ID, "text")) },
			"reset":   func() error { return second(h.NextGeneration(ctx, h.show.ID, 1)) },
			"create":  func() error { return second(h.CreateShow(ctx, hallSpec())) },
			"charge":  func() error { return second(h.Charge(ctx, buyer, 5, "key", "admin")) },
		} {
			if do() == nil {
				t.Errorf("%s: done without an entry", name)
			}
		}
		now := must1(h.FindShow(t.Context(), h.show.ID))(t)
		if now.Title != show.Title || now.Phase != show.Phase || now.Message != show.Message || now.RulesVersion != show.RulesVersion {
			t.Errorf("show %+v, was %+v", now, show)
		}
		if q := must1(h.QueueState(t.Context(), h.show.ID))(t); q.Generation != 1 {
			t.Errorf("generation %d", q.Generation)
		}
		if n := h.count(t, &showRow{}, "1 = 1"); n != 1 {
			t.Errorf("%d shows", n)
		}
		if w := must1(h.Wallet(t.Context(), buyer))(t); w.Balance != 0 {
			t.Errorf("balance %d", w.Balance)
		}
	})
}

// The changes of many at once are a chain: each begins where the one before ended.
func TestAuditOfManyAtOnceIsAChain(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		stores := []*Store{h.Store, h.gateway(t)}
		var operators sync.WaitGroup
		for i := range 8 {
			operators.Go(func() {
				for round := range 3 {
					err := second(stores[i%2].SetMessage(desk(t), h.show.ID, fmt.Sprint("text ", i, " ", round)))
					if err != nil && !errors.Is(err, ErrContended) {
						t.Error(err)
					}
				}
			})
		}
		operators.Wait()
		after := map[string]string{}
		for _, e := range h.entries(t, h.show.ID) {
			if e.Action == "set_message" {
				after[string(e.Before)] = string(e.After)
			}
		}
		message, steps := `{"message":""}`, 0
		for after[message] != "" {
			message, steps = after[message], steps+1
		}
		show := must1(h.FindShow(t.Context(), h.show.ID))(t)
		if steps != len(after) || message != fmt.Sprintf(`{"message":%q}`, show.Message) {
			t.Errorf("%d of %d steps lead to %s, the message is %q", steps, len(after), message, show.Message)
		}
	})
}

func TestAuditIsReadInPages(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		for i := range 4 {
			must1(h.SetMessage(desk(t), h.show.ID, fmt.Sprint(i)))(t)
		}
		h.another(t)
		all := h.entries(t, h.show.ID)
		if len(all) != 5 {
			t.Fatalf("%d entries", len(all))
		}
		after := ""
		for page, want := range [][]AuditEntry{all[:2], all[2:4], all[4:]} {
			list, more, err := h.Audit(t.Context(), h.show.ID, after, 2)
			must0(t, err)
			if len(list) != len(want) || list[0].ID != want[0].ID || more != (page < 2) {
				t.Errorf("page %d: %d entries, more %v", page, len(list), more)
			}
			after = list[len(list)-1].ID
		}
		for name, ask := range map[string]struct {
			show, after string
			limit       int
		}{
			"none":              {h.show.ID, "", 0},
			"too many":          {h.show.ID, "", 201},
			"no show's name":    {"Show 1", "", 1},
			"no cursor":         {h.show.ID, "yesterday", 1},
			"a cursor in lower": {h.show.ID, "01arz3ndektsv4rrffq69g5fav", 1},
		} {
			_, _, err := h.Audit(t.Context(), ask.show, ask.after, ask.limit)
			var bad *InvalidError
			if !errors.As(err, &bad) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, _, err := h.Audit(t.Context(), h.show.ID, "", 200)
		must0(t, err)
	})
}
