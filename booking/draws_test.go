package booking

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lottery is a show that opens by draw, in its lobby.
func (h *hall) lottery(t *testing.T, plan DrawPlan) Show {
	t.Helper()
	spec := hallSpec()
	spec.Phase, spec.StartsAt, spec.Draw = PhaseLobby, new(time.Now().Add(time.Hour)), &plan
	return must1(h.CreateShow(t.Context(), spec))(t)
}

// committed is the draw of such a show, as far as its commitment.
func (h *hall) committed(t *testing.T, plan DrawPlan) Draw {
	t.Helper()
	w := h.lottery(t, plan)
	must0(t, h.CommitDraw(t.Context(), Draw{Show: w.ID, Generation: 1, Seed: "seed", Commitment: "hash", BeaconSource: plan.Beacon}))
	return must1(h.Draw(t.Context(), w.ID))(t)
}

// frozen is such a draw with a stored lobby of three.
func (h *hall) frozen(t *testing.T, plan DrawPlan) Draw {
	t.Helper()
	d := h.committed(t, plan)
	must1(h.ReserveDraw(t.Context(), d, 1, 10))(t)
	must0(t, h.StoreLobby(t.Context(), d.Show, 1, 4, 0, "aabbcc"))
	d.First, d.Epoch, d.LobbyHash, d.LobbyCount, d.FrozenAt = 1, 4, "lobby", 3, 99
	must1(h.FreezeDraw(t.Context(), d))(t)
	return must1(h.Draw(t.Context(), d.Show))(t)
}

func TestADrawGoesThroughItsStatesOnce(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		ctx := t.Context()
		wantError(t, second(h.Draw(ctx, h.show.ID)), ErrNoDraw)
		d := h.committed(t, DrawPlan{})
		must0(t, h.CommitDraw(ctx, Draw{Show: d.Show, Generation: 1, Seed: "another", Commitment: "another"}))
		if again := must1(h.Draw(ctx, d.Show))(t); again != d || d.State != DrawCommitted || d.Seed != "seed" {
			t.Errorf("committed %+v, then %+v", d, again)
		}
		if must1(h.RevealDraw(ctx, d.Show, 1))(t) {
			t.Error("a seed is revealed before the lobby is frozen")
		}
		if !must1(h.ReserveDraw(ctx, d, 101, 50))(t) || must1(h.ReserveDraw(ctx, d, 201, 50))(t) {
			t.Error("numbers are not reserved once")
		}
		d = must1(h.Draw(ctx, d.Show))(t)
		for range 2 { // a second gateway stores the same
			must0(t, h.StoreLobby(ctx, d.Show, 1, 7, 1, "ccdd"))
			must0(t, h.StoreLobby(ctx, d.Show, 1, 7, 0, "aabb"))
		}
		must0(t, h.StoreLobby(ctx, d.Show, 1, 6, 0, "zz")) // of a lobby that Redis lost
		d.Epoch, d.LobbyHash, d.LobbyCount, d.FrozenAt = 7, "lobby", 4, 99
		if !must1(h.FreezeDraw(ctx, d))(t) {
			t.Error("not frozen")
		}
		other := d
		other.Epoch, other.LobbyHash = 6, "other"
		if must1(h.FreezeDraw(ctx, other))(t) {
			t.Error("a second lobby is frozen")
		}
		if must1(h.ReserveDraw(ctx, d, 301, 50))(t) {
			t.Error("numbers are reserved anew for a stored lobby")
		}
		if parts := must1(h.Lobby(ctx, d))(t); !reflect.DeepEqual(parts, []string{"aabb", "ccdd"}) {
			t.Errorf("lobby %v", parts)
		}
		must0(t, h.OpenDrawn(ctx, d.Show, 1)) // not yet
		if w := must1(h.FindShow(ctx, d.Show))(t); w.Phase != PhaseLobby {
			t.Errorf("phase %s before everybody has a number", w.Phase)
		}
		if !must1(h.RevealDraw(ctx, d.Show, 1))(t) || must1(h.RevealDraw(ctx, d.Show, 1))(t) {
			t.Error("not revealed once")
		}
		must0(t, h.OpenDrawn(ctx, d.Show, 1))
		w := must1(h.FindShow(ctx, d.Show))(t)
		if d = must1(h.Draw(ctx, d.Show))(t); w.Phase != PhaseOpen || d.State != DrawNumbered || d.LobbyHash != "lobby" || d.First != 101 {
			t.Errorf("phase %s, draw %+v", w.Phase, d)
		}
		must1(h.SetPhase(ctx, d.Show, PhaseClosed))(t)
		must0(t, h.OpenDrawn(ctx, d.Show, 1)) // by a gateway that slept
		if w := must1(h.FindShow(ctx, d.Show))(t); w.Phase != PhaseClosed {
			t.Errorf("phase %s: a gateway that slept has opened it", w.Phase)
		}
		if w := must1(h.SetPhase(ctx, d.Show, PhaseOpen))(t); w.Phase != PhaseOpen {
			t.Errorf("phase %s: it was drawn", w.Phase)
		}
		must1(h.SetPhase(ctx, d.Show, PhaseClosed))(t)
		must0(t, h.DeleteShow(ctx, d.Show))
		if n := h.count(t, &chunkRow{}, "show_id = ?", d.Show) + h.count(t, &drawRow{}, "show_id = ?", d.Show); n != 0 {
			t.Errorf("%d rows outlive the show", n)
		}
	})
}

func TestABeaconIsTakenOnceAndInItsTime(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		ctx := t.Context()
		set := func(show, value string) error { return second(h.SetBeacon(ctx, show, value)) }
		early := h.committed(t, DrawPlan{Beacon: "round 7"})
		wantError(t, set(early.Show, "abc"), ErrBeaconNotDue)
		none := h.frozen(t, DrawPlan{})
		wantError(t, set(none.Show, "abc"), ErrBeaconNotDue)
		wantError(t, set(h.show.ID, "abc"), ErrNoDraw)

		d := h.frozen(t, DrawPlan{Beacon: "round 7"})
		if must1(h.RevealDraw(ctx, d.Show, 1))(t) {
			t.Error("the seed is revealed before the beacon is known")
		}
		for _, value := range []string{"", "a b", "ü", strings.Repeat("a", 201)} {
			wantType[*InvalidError](t, set(d.Show, value))
		}
		longest := strings.Repeat("a", 200)
		must0(t, set(d.Show, longest))
		must0(t, set(d.Show, longest))
		wantError(t, set(d.Show, "another"), ErrBeaconNotDue)
		if !must1(h.RevealDraw(ctx, d.Show, 1))(t) {
			t.Error("not revealed")
		}
		wantError(t, set(d.Show, "another"), ErrBeaconNotDue)
		if got := must1(h.Draw(ctx, d.Show))(t); got.Beacon != longest || got.BeaconSource != "round 7" {
			t.Errorf("draw %+v", got)
		}
	})
}

func TestManyGatewaysFreezeOneLobby(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		d := h.committed(t, DrawPlan{})
		must1(h.ReserveDraw(t.Context(), d, 1, 10))(t)
		stores := []*Store{h.Store, h.gateway(t)}
		var won, attends atomic.Int64
		var racers sync.WaitGroup
		for i := range 8 {
			racers.Go(func() {
				mine := d
				mine.Epoch, mine.LobbyHash = int64(i), fmt.Sprint(i)
				ok, err := stores[i%2].FreezeDraw(t.Context(), mine)
				if err != nil {
					t.Error(err)
				}
				if ok {
					won.Add(1)
				}
				if ok, _ := stores[i%2].AttendDraw(t.Context(), d.Show, 1, fmt.Sprint(i), time.Minute); ok {
					attends.Add(1)
				}
			})
		}
		racers.Wait()
		if won.Load() != 1 || attends.Load() != 1 {
			t.Errorf("%d froze it, %d work on it; want one each", won.Load(), attends.Load())
		}
	})
}

func TestShowsWithADrawGoThroughTheirLobby(t *testing.T) {
	t.Parallel()
	eachHall(t, func(t *testing.T, h *hall) {
		ctx := t.Context()
		now := time.Now()
		make1 := func(starts time.Time, lobby *time.Time) string {
			spec := hallSpec()
			spec.Phase, spec.StartsAt, spec.Draw = PhaseDraft, &starts, &DrawPlan{LobbyAt: lobby, Beacon: "round 7"}
			return must1(h.CreateShow(ctx, spec))(t).ID
		}
		gathers := make1(now.Add(time.Hour), new(now.Add(-time.Minute)))
		waits := make1(now.Add(time.Hour), new(now.Add(time.Minute)))
		late := make1(now.Add(-time.Second), nil)
		c := NewCatalogue(h.Store)
		must0(t, c.RunOnce(ctx))
		for id, want := range map[string]string{gathers: PhaseLobby, waits: PhaseDraft, late: PhaseLobby} {
			if w, _ := c.Lookup(id); w.Phase != want || w.Draw == nil || w.Draw.Beacon != "round 7" {
				t.Errorf("show %+v, want phase %s", w, want)
			}
		}
		must1(h.PatchShow(ctx, waits, ShowPatch{Draw: &DrawPlan{Beacon: "round 8"}}))(t)
		wantType[*InvalidError](t, second(h.PatchShow(ctx, gathers, ShowPatch{Draw: &DrawPlan{Beacon: "round 8"}})))
		wantType[*InvalidError](t, second(h.PatchShow(ctx, waits, ShowPatch{StartsAt: OptionalTime{Given: true}})))
		wantType[*InvalidError](t, second(h.SetPhase(ctx, h.show.ID, PhaseLobby)))

		if w := must1(h.SetPhase(ctx, waits, PhaseLobby))(t); w.Phase != PhaseLobby || *w.StartsAt <= h.Now() {
			t.Errorf("show %+v", w)
		}
		w := must1(h.SetPhase(ctx, gathers, PhaseOpen))(t)
		if w.Phase != PhaseLobby || *w.StartsAt > h.Now() {
			t.Errorf("phase %s, starts at %d: the draw should be due", w.Phase, *w.StartsAt)
		}
		must1(h.PatchShow(ctx, gathers, ShowPatch{Title: new("Another")}))(t) // it still is what a show may be
		must1(h.SetPhase(ctx, gathers, PhaseClosed))(t)
		if w := must1(h.SetPhase(ctx, gathers, PhaseOpen))(t); w.Phase != PhaseLobby {
			t.Errorf("phase %s: it was never drawn", w.Phase)
		}
	})
}

func TestSpecOfADraw(t *testing.T) {
	t.Parallel()
	start := time.Unix(2e9, 0)
	for name, test := range map[string]struct {
		change func(*Spec)
		fault  string
	}{
		"fine":             {func(*Spec) {}, ""},
		"in the lobby":     {func(p *Spec) { p.Phase = PhaseLobby }, ""},
		"lobby at start":   {func(p *Spec) { p.Draw.LobbyAt = &start }, ""},
		"no start":         {func(p *Spec) { p.StartsAt = nil }, "starts_at"},
		"open":             {func(p *Spec) { p.Phase = PhaseOpen }, "phase"},
		"lobby after":      {func(p *Spec) { p.Draw.LobbyAt = new(start.Add(time.Microsecond)) }, "draw.lobby_at"},
		"longest beacon":   {func(p *Spec) { p.Draw.Beacon = strings.Repeat("ü", 200) }, ""},
		"too long beacon":  {func(p *Spec) { p.Draw.Beacon = strings.Repeat("ü", 201) }, "draw.beacon"},
		"two lines":        {func(p *Spec) { p.Draw.Beacon = "a\nb" }, "draw.beacon"},
		"lobby, no draw":   {func(p *Spec) { p.Draw, p.Phase = nil, PhaseLobby }, "phase"},
		"not a show's day": {func(p *Spec) { p.Draw.LobbyAt = new(time.Unix(-1, 0)) }, "draw.lobby_at"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := hallSpec()
			p.Phase, p.StartsAt, p.Draw = PhaseDraft, &start, &DrawPlan{}
			test.change(&p)
			err := p.Validate()
			if test.fault == "" {
				must0(t, err)
				return
			}
			if e := asError[*InvalidError](t, err); len(e.Fields) != 1 || e.Fields[0].Field != test.fault {
				t.Errorf("faults %+v, want %s", e.Fields, test.fault)
			}
		})
	}
}
