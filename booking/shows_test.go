package booking

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCreateShowStoresEverything(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		spec := hallSpec()
		spec.StartsAt, spec.Admission = new(time.Unix(2e9, 0)), json.RawMessage(`{"admit": 5}`)
		created := must1(h.CreateShow(t.Context(), spec))(t)
		found := must1(h.FindShow(t.Context(), spec.Show))(t)
		if !reflect.DeepEqual(created, found) {
			t.Errorf("created %+v\nfound %+v", created, found)
		}
		if *found.StartsAt != 2e15 || found.PlaysAt != nil || string(found.Rules) != `{"admit": 5}` || found.SeatCount != 20 || found.LayoutVersion != 1 {
			t.Errorf("found %+v", found)
		}
		q := must1(h.QueueState(t.Context(), spec.Show))(t)
		if want := (QueueState{Show: spec.Show, Generation: 1}); q != want {
			t.Errorf("queue %+v", q)
		}
		wantError(t, second(h.CreateShow(t.Context(), spec)), ErrShowExists)
		wantError(t, second(h.FindShow(t.Context(), "no-such-show")), ErrShowNotFound)
		spec.Title = ""
		wantType[*InvalidError](t, second(h.CreateShow(t.Context(), spec)))
	})
}

func TestLayoutIsServedAsItWasGiven(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		layout := must1(h.gateway(t).Layout(t.Context(), h.show))(t)
		if want := hallSpec().WithDefaults().Sections; !reflect.DeepEqual(layout.Sections, want) {
			t.Errorf("sections %+v", layout.Sections)
		}
		var served struct {
			LayoutVersion int `json:"layout_version"`
			Currency      string
			Sections      []struct {
				Section, Name string
				Price         int64
				Rows          []struct {
					Row   string
					Seats []struct {
						Seat, Number string
						X, Y         float64
					}
				}
			}
		}
		decoder := json.NewDecoder(strings.NewReader(string(layout.JSON)))
		decoder.DisallowUnknownFields()
		must0(t, decoder.Decode(&served))
		if served.LayoutVersion != 1 || served.Currency != Currency || served.Sections[0].Rows[1].Seats[2].Seat != "A-2-3" ||
			served.Sections[0].Rows[1].Seats[2].X != 3 {
			t.Errorf("served %s", layout.JSON)
		}
		if o, ok := layout.Ordinal("B-1-1"); !ok || o != 10 || layout.Seat(o) != "B-1-1" || layout.Price(o) != 50 || layout.Len() != 20 {
			t.Errorf("B-1-1 is at %d, %v", o, ok)
		}
		gone := h.show
		gone.ID = "no-such-show"
		wantError(t, second(h.Layout(t.Context(), gone)), ErrShowNotFound)
	})
}

func TestPutShowUpdatesUntilASeatWasTouched(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		spec := hallSpec()
		w, created, err := h.PutShow(t.Context(), spec)
		if err != nil || !created {
			t.Fatalf("created %v, %v", created, err)
		}
		spec.Title, spec.MaxSeats = "Another title", new(2)
		w, created, err = h.PutShow(t.Context(), spec)
		if err != nil || created || w.Title != "Another title" || w.MaxSeats != 2 || w.LayoutVersion != 1 || w.RulesVersion != w.CreatedAt+1 {
			t.Errorf("put %+v, created %v, %v", w, created, err)
		}
		same, _, err := h.PutShow(t.Context(), spec)
		if err != nil || same.RulesVersion != w.RulesVersion {
			t.Errorf("nothing changed, and the version is %d, %v", same.RulesVersion, err)
		}
		h.show = w
		must0(t, h.LoadDoor(t.Context(), w.ID, false))

		other := h.gateway(t) // which has the old layout, and the old catalogue
		must1(other.Layout(t.Context(), h.show))(t)
		spec.Sections[0].Price = 200
		spec.Sections[1].Rows[0].Seats = spec.Sections[1].Rows[0].Seats[:3]
		w, _, err = h.PutShow(t.Context(), spec)
		if err != nil || w.LayoutVersion != 2 || w.SeatCount != 13 {
			t.Fatalf("put %+v, %v", w, err)
		}
		wantError(t, second(h.Hold(t.Context(), h.request("A-1-1"))), ErrUnavailable)
		wantError(t, second(other.Hold(t.Context(), h.request("A-1-1"))), errUnloaded)
		h.forceDoor(t)
		wantError(t, second(other.Hold(t.Context(), h.request("A-1-1"))), errRelaid)
		h.show = w
		must0(t, h.LoadDoor(t.Context(), w.ID, false))
		if hold := h.hold(t, h.request("A-1-1")); hold.Amount != 200 {
			t.Errorf("amount %d", hold.Amount)
		}
		spec.Sections[0].Price = 300
		_, _, err = h.PutShow(t.Context(), spec)
		wantError(t, err, ErrLayoutInUse)
		h.intact(t)
	})
}

func TestPatchShowChangesWhatItMentions(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		var p ShowPatch
		must0(t, json.Unmarshal([]byte(`{"title":"New","starts_at":"2033-05-18T03:33:20Z","max_waiting":7}`), &p))
		w := must1(h.PatchShow(t.Context(), h.show.ID, p))(t)
		if w.Title != "New" || w.Venue != "Hall" || *w.StartsAt != 2e15 || w.MaxWaiting != 7 || w.RulesVersion != w.CreatedAt+1 {
			t.Errorf("patched %+v", w)
		}
		p = ShowPatch{}
		must0(t, json.Unmarshal([]byte(`{"starts_at":null}`), &p))
		if w = must1(h.PatchShow(t.Context(), h.show.ID, p))(t); w.StartsAt != nil || w.Title != "New" {
			t.Errorf("patched %+v", w)
		}
		if found := must1(h.FindShow(t.Context(), w.ID))(t); !reflect.DeepEqual(w, found) {
			t.Errorf("answered %+v\nstored %+v", w, found)
		}
		wantType[*InvalidError](t, second(h.PatchShow(t.Context(), h.show.ID, ShowPatch{MaxSeats: new(0)})))
		if json.Unmarshal([]byte(`{"starts_at":"soon"}`), &p) == nil {
			t.Error("took soon for a time")
		}
		wantError(t, second(h.PatchShow(t.Context(), "no-such-show", p)), ErrShowNotFound)
	})
}

func TestChangeRulesLosesNoChange(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		stores := []*Store{h.Store, h.gateway(t)}
		var changers sync.WaitGroup
		for i := range 6 {
			changers.Go(func() {
				_, err := stores[i%2].ChangeRules(t.Context(), h.show.ID, func(old json.RawMessage) (json.RawMessage, error) {
					rules := map[string]int{}
					if len(old) > 0 {
						if err := json.Unmarshal(old, &rules); err != nil {
							return nil, err
						}
					}
					rules[fmt.Sprint("field-", i)] = i
					return json.Marshal(rules)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		changers.Wait()
		w := must1(h.FindShow(t.Context(), h.show.ID))(t)
		rules := map[string]int{}
		must0(t, json.Unmarshal(w.Rules, &rules))
		if len(rules) != 6 || w.RulesVersion != w.CreatedAt+6 {
			t.Errorf("rules %v, version %d", rules, w.RulesVersion)
		}
		broken := fmt.Errorf("no")
		wantError(t, second(h.ChangeRules(t.Context(), h.show.ID, func(json.RawMessage) (json.RawMessage, error) { return nil, broken })), broken)
	})
}

func TestSetPhaseAndMessage(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		if w := must1(h.SetPhase(t.Context(), h.show.ID, PhaseClosed))(t); w.Phase != PhaseClosed || w.RulesVersion != w.CreatedAt+1 {
			t.Errorf("closed %+v", w)
		}
		wantType[*InvalidError](t, second(h.SetPhase(t.Context(), h.show.ID, "lobby")))
		must1(h.PatchShow(t.Context(), h.show.ID, ShowPatch{EndsAt: OptionalTime{Given: true, At: new(int64(1))}}))(t)
		wantType[*InvalidError](t, second(h.SetPhase(t.Context(), h.show.ID, PhaseOpen)))
		if w := must1(h.SetMessage(t.Context(), h.show.ID, "Doors in ten minutes — 곧"))(t); w.Message != "Doors in ten minutes — 곧" || w.RulesVersion != w.CreatedAt+3 {
			t.Errorf("message %+v", w)
		}
		if got := must1(h.FindShow(t.Context(), h.show.ID))(t).Message; got != "Doors in ten minutes — 곧" {
			t.Errorf("stored %q", got)
		}
		wantType[*InvalidError](t, second(h.SetMessage(t.Context(), h.show.ID, strings.Repeat("x", 501))))
	})
}

func TestDeleteShow(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		wantError(t, h.DeleteShow(t.Context(), h.show.ID), ErrShowInUse) // it is open
		hold := h.hold(t, h.request("A-1-1"))
		h.show = must1(h.SetPhase(t.Context(), h.show.ID, PhaseClosed))(t)
		wantError(t, h.DeleteShow(t.Context(), h.show.ID), ErrShowInUse) // somebody holds
		must1(h.Release(t.Context(), hold.Visitor, hold.ID))(t)
		must0(t, h.DeleteShow(t.Context(), h.show.ID))
		wantError(t, second(h.FindShow(t.Context(), h.show.ID)), ErrShowNotFound)
		wantError(t, h.DeleteShow(t.Context(), h.show.ID), ErrShowNotFound)
		for _, model := range []any{&seatRow{}, &sectionRow{}, &holdRow{}, &limitRow{}, &eventRow{}, &deliveryRow{}} {
			if n := h.count(t, model, "1 = 1"); n != 0 {
				t.Errorf("%T: %d rows stay", model, n)
			}
		}
		if n := must1(h.rdb.Exists(t.Context(), doorKeys(h.show.ID)...).Result())(t); n != 0 {
			t.Errorf("%d keys stay", n)
		}

		// Tokens of the deleted show must not count in one of the same id.
		spec := hallSpec()
		spec.Show = h.show.ID
		must1(h.CreateShow(t.Context(), spec))(t)
		if q := must1(h.QueueState(t.Context(), h.show.ID))(t); q.Generation != 2 || q.Epoch != 1 {
			t.Errorf("queue %+v", q)
		}
	})
}

func TestDeleteShowKeepsWhatWasSold(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.buy(t, "A-1-1")
		must1(h.SetPhase(t.Context(), h.show.ID, PhaseClosed))(t)
		wantError(t, h.DeleteShow(t.Context(), h.show.ID), ErrShowInUse)
		h.intact(t)
	})
}

// A show made under the id of a deleted one must not open by its door, which
// stays behind when Redis was away.
func TestDoorOfADeletedShowIsNotTakenForTheNext(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		h.hold(t, h.request("A-1-1"))
		must0(t, h.db.Exec("DELETE FROM shows WHERE id = ?", h.show.ID).Error)
		for _, table := range []string{"seats", "sections", "holds", "purchase_limits"} {
			must0(t, h.db.Exec("DELETE FROM "+table+" WHERE show_id = ?", h.show.ID).Error)
		}
		spec := hallSpec()
		spec.Show = h.show.ID
		h.show = must1(h.CreateShow(t.Context(), spec))(t)
		wantError(t, second(h.SeatStates(t.Context(), h.show)), ErrUnavailable)
		must0(t, h.LoadDoor(t.Context(), h.show.ID, false))
		h.hold(t, h.request("A-1-1"))
	})
}

func TestCatalogueFollowsTheShows(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		c := NewCatalogue(h.Store)
		if _, ok := c.Lookup(h.show.ID); ok || len(c.All()) != 0 {
			t.Error("knows shows before it has looked")
		}
		past, future := new(time.Unix(1e9, 0)), new(time.Unix(4e9, 0))
		due, early, over := hallSpec(), hallSpec(), hallSpec()
		due.Phase, due.StartsAt = PhaseDraft, past
		early.Phase, early.StartsAt = PhaseDraft, future
		over.EndsAt = past
		for _, s := range []Spec{due, early, over} {
			must1(h.CreateShow(t.Context(), s))(t)
		}
		must0(t, c.RunOnce(t.Context()))
		for id, want := range map[string]string{due.Show: PhaseOpen, early.Show: PhaseDraft, over.Show: PhaseClosed, h.show.ID: PhaseOpen} {
			w, ok := c.Lookup(id)
			if !ok || w.Phase != want {
				t.Errorf("show %+v, %v; want it %s", w, ok, want)
			}
			if stored := must1(h.FindShow(t.Context(), id))(t); !reflect.DeepEqual(stored, w) {
				t.Errorf("copy %+v\nstored %+v", w, stored)
			}
		}
		if n := len(c.All()); n != 4 {
			t.Errorf("%d shows", n)
		}
	})
}

// As many may be banned as every gateway can read each second; a show that is deleted takes its bans along.
func TestBansOfAShow(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		rows := make([]banRow, MostBans-1)
		for i := range rows {
			rows[i] = banRow{ShowID: h.show.ID, Visitor: fmt.Sprintf("visitor-%d", i), At: 1}
		}
		must0(t, h.db.CreateInBatches(rows, 100).Error)
		must0(t, h.Ban(t.Context(), h.show.ID, "the-last"))
		wantError(t, h.Ban(t.Context(), h.show.ID, "one-more"), ErrTooManyBans)
		must0(t, h.Ban(t.Context(), h.show.ID, "the-last"))
		wantError(t, h.Ban(t.Context(), "no-such-show", "x"), ErrShowNotFound)
		must0(t, h.Unban(t.Context(), h.show.ID, "visitor-0"))
		must0(t, h.Unban(t.Context(), h.show.ID, "visitor-0"))
		must0(t, h.Ban(t.Context(), h.show.ID, "one-more"))

		c := NewCatalogue(h.Store)
		must0(t, c.RunOnce(t.Context()))
		if !c.IsBanned(h.show.ID, "one-more") || c.IsBanned(h.show.ID, "visitor-0") || c.IsBanned("another", "one-more") {
			t.Error("the catalogue knows of other bans")
		}
		must1(h.SetPhase(t.Context(), h.show.ID, PhaseClosed))(t)
		must0(t, h.DeleteShow(t.Context(), h.show.ID))
		must0(t, c.RunOnce(t.Context()))
		if c.IsBanned(h.show.ID, "one-more") {
			t.Error("a ban outlives its show")
		}
	})
}

// forceDoor opens a door of free seats by the plan that the hall's show has,
// whatever the database says.
func (h *hall) forceDoor(t *testing.T) {
	t.Helper()
	seats := make([]seatRow, h.show.SeatCount)
	for i := range seats {
		seats[i] = seatRow{Ordinal: i, State: seatFree}
	}
	if opened, err := h.openDoor(t.Context(), h.show, "", draw(seats, 0)); err != nil || !opened {
		t.Fatalf("opened %v, %v", opened, err)
	}
}
