package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"frontrow/api"
	"frontrow/booking"
	"frontrow/booking/events"
	"frontrow/internal/invariant"
	"frontrow/queue"
)

type verifyCommand struct {
	servers
	Show       string `help:"The show to check; all without it." placeholder:"SHOW"`
	Order      string `help:"Print the way of this order, and check it alone." placeholder:"ORDER"`
	Draw       bool   `help:"Check draws alone: seed, lobby, order, and everybody's number."`
	URL        string `help:"With --draw and --show: check what a gateway there makes public, as any visitor can." placeholder:"URL"`
	AdminToken string `name:"admin-token" env:"FRONTROW_ADMIN_TOKEN" help:"For the running gateway of the embedded default, if not kept in its data directory." placeholder:"TOKEN"`
}

// Run prints a line per violation and fails if there is one.
func (v *verifyCommand) Run(ctx context.Context, to console) error {
	if v.Order != "" {
		return v.follow(ctx, to)
	}
	found, err := v.found(ctx)
	if err != nil {
		return err
	}
	checked := api.Verified
	if v.Draw {
		checked = []string{invariant.AsDrawn}
		found = slices.DeleteFunc(found, func(f invariant.Violation) bool { return f.Invariant != invariant.AsDrawn })
	}
	for _, violation := range found {
		fmt.Fprintln(to.out, violation)
	}
	if len(found) > 0 {
		return errSilent
	}
	_, err = fmt.Fprintf(to.out, "no violation of %s\n", strings.Join(checked, ", "))
	return err
}

func (v *verifyCommand) found(ctx context.Context) ([]invariant.Violation, error) {
	if v.URL != "" {
		if !v.Draw || v.Show == "" {
			return nil, errors.New("--url needs --draw and --show: nothing else is public")
		}
		return publicDraw(ctx, strings.TrimSuffix(v.URL, "/"), v.Show)
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	if v.embedded() {
		return v.askGateway(ctx)
	}
	p, err := v.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if v.Show != "" {
		if _, err := p.store.FindShow(ctx, v.Show); err != nil {
			return nil, err
		}
	}
	return p.verify(ctx, v.Show)
}

// connect opens the parts on the servers that are configured; who gets them closes them.
func (v *verifyCommand) connect(ctx context.Context) (*parts, error) {
	redis.SetLogger(quiet{slog.New(slog.DiscardHandler)}) // which Sentinel it asked is no violation
	client, err := openRedis(v.RedisURL)
	if err != nil {
		return nil, err
	}
	if err := pingRedis(ctx, client); err != nil {
		_ = client.Close()
		return nil, fmt.Errorf("redis: %w", err)
	}
	db, err := openDatabase(ctx, v.MySQLDSN)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	return assemble(client, db, nil, booking.PaymentOptions{}, nil, nil, slog.New(slog.DiscardHandler)), nil
}

func (p *parts) close() {
	_ = p.redis.Close()
	closeDatabase(p.db)
}

// askGateway has the running gateway check itself: the embedded Redis is in its
// process.
func (v *verifyCommand) askGateway(ctx context.Context) ([]invariant.Violation, error) {
	var verdict struct {
		Violations []invariant.Violation `json:"violations"`
	}
	err := v.ask(ctx, "/v1/admin/verify?show="+url.QueryEscape(v.Show), &verdict)
	return verdict.Violations, err
}

// ask asks the running gateway of the embedded default.
func (v *verifyCommand) ask(ctx context.Context, path string, into any) error {
	address, token := v.stored(addressFile), v.AdminToken
	if address == "" {
		return fmt.Errorf("no gateway is running on the data directory %s", v.DataDir)
	}
	if token == "" {
		token = v.stored(adminFile)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the gateway: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("ask the gateway: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the gateway answered %s: %s", response.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the gateway's answer: %w", err)
	}
	return nil
}

// settleFor is how long what lags by design may take: listeners and the ledger are
// behind the sale by a second at most.
const settleFor = 2 * time.Second

// verify checks the invariants of one show, or of all. What is gone when it looks
// again was only on its way.
func (p *parts) verify(ctx context.Context, show string) ([]invariant.Violation, error) {
	first, err := p.look(ctx, show)
	if err != nil || len(first) == 0 {
		return first, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settleFor):
	}
	second, err := p.look(ctx, show)
	if err != nil {
		return nil, err
	}
	type kind struct{ invariant, show string } // details may count what goes on
	before := map[kind]bool{}
	for _, v := range first {
		before[kind{v.Invariant, v.Show}] = true
	}
	var found []invariant.Violation
	for _, v := range second {
		if before[kind{v.Invariant, v.Show}] {
			found = append(found, v)
		}
	}
	return found, nil
}

func (p *parts) look(ctx context.Context, show string) ([]invariant.Violation, error) {
	if err := p.catalogue.RunOnce(ctx); err != nil {
		return nil, err
	}
	found, err := p.store.Verify(ctx, show)
	if err != nil {
		return nil, err
	}
	for _, s := range p.catalogue.All() {
		if s.Phase == booking.PhaseDraft || show != "" && s.ID != show {
			continue
		}
		more, err := p.lookAtQueue(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("queue of %s: %w", s.ID, err)
		}
		found = append(found, more...)
	}
	return found, nil
}

func (p *parts) lookAtQueue(ctx context.Context, show booking.Show) ([]invariant.Violation, error) {
	state, err := p.store.QueueState(ctx, show.ID)
	if err != nil {
		return nil, err
	}
	kept, err := p.store.Admissions(ctx, show.ID, state.Generation)
	if err != nil {
		return nil, err
	}
	rows := make([]queue.Admission, len(kept))
	for i, row := range kept {
		rows[i] = queue.Admission(row)
	}
	bought, err := p.store.ToldNumbers(ctx, show.ID, events.EndsAdmission)
	if err != nil {
		return nil, err
	}
	room, err := p.queue.Room(show.ID)
	if errors.Is(err, queue.ErrNoRoom) {
		known, err := api.QueueShow(show)
		if err != nil {
			return nil, err
		}
		room = p.queue.Follow(known)
	}
	found, err := room.Audit(ctx, bought)
	if err != nil {
		return nil, err
	}
	drawn, err := room.AuditDraw(ctx)
	return slices.Concat(queue.AuditAdmissions(rows), found, drawn), err
}
