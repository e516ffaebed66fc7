package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"frontrow/internal/hall"
)

// A sale with all that follows it: how many buy at once in a round, half with points and
// half by card, and how often each of the ways in which listeners fare is measured.
const (
	saleBuyers = 600
	saleAtOnce = 48
	saleRounds = 3
)

// saleSecret signs what the gateways tell the receiver.
const saleSecret = "the-secret-of-the-benchmark"

// around is what stands beside the gateways of a sale: a payment provider, and a
// receiver of what buyers and the data platform are told.
type around struct {
	provider, receiver *process
	pays, hears        string // where they listen
}

func startAround(binary string) (*around, error) {
	a := &around{}
	for _, one := range []struct {
		name    string
		process **process
		at      *string
		args    []string
	}{
		{"payment provider", &a.provider, &a.pays, []string{"fakepay"}},
		{"receiver", &a.receiver, &a.hears, []string{"fakereceiver", "--secret", saleSecret, "--keep", "100"}},
	} {
		address, err := freeAddress()
		if err != nil {
			return a, err
		}
		*one.at = "http://" + address
		args := append([]string{binary}, append(one.args, "--listen", address)...)
		if *one.process, err = startProcess(one.name, os.Environ(), args...); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (a *around) stop() {
	for _, p := range []*process{a.provider, a.receiver} {
		if p != nil {
			p.stop()
		}
	}
}

func (a *around) env() []string {
	return []string{
		"FRONTROW_PAYMENT_URL=" + a.pays, "FRONTROW_NOTIFY_URL=" + a.hears + "/notify", "FRONTROW_NOTIFY_SECRET=" + saleSecret,
		"FRONTROW_EXPORT_URL=" + a.hears + "/export",
	}
}

// behave tells the receiver how to fare.
func (a *around) behave(how string) error {
	return a.receiver.within(10*time.Second, func() error {
		request, err := http.NewRequest(http.MethodPut, a.hears+"/behaviour", strings.NewReader(how))
		if err != nil {
			return err
		}
		response, err := operator.Do(request)
		if err == nil && response.StatusCode/100 != 2 {
			err = fmt.Errorf("the receiver answered %d", response.StatusCode)
		}
		if response != nil {
			_ = response.Body.Close()
		}
		return err
	})
}

// measureSale measures what two gateways sell a second, wallet and card mixed; whether a
// listener's receiver that refuses or hangs slows that; and what each kind of
// transaction costs the database.
func measureSale(ctx context.Context, o options) error {
	beside, err := startAround(o.binary)
	defer beside.stop()
	if err != nil {
		return err
	}
	s, err := startServers(ctx, o.binary, nil, beside.env()...)
	defer s.stop()
	if err != nil {
		return err
	}
	if _, err := s.addGateway(); err != nil {
		return err
	}
	b := &bench{servers: s, options: o, slow: newSlowLog(s.redis), began: time.Now()}
	b.table.Form = "a sale"
	if b.table.Machine, err = b.describe(ctx); err != nil {
		return err
	}
	if err := b.sellings(ctx, beside); err != nil {
		return err
	}
	b.say("transactions")
	if err := b.transactions(ctx); err != nil {
		return err
	}
	b.say("done")
	b.table.print(os.Stdout)
	if b.table.missed() {
		return errMissed
	}
	return nil
}

// fares are how a receiver may fare; the first is the baseline.
var fares = []struct{ name, how string }{
	{"well", `{}`},
	{"refuses", `{"fail":1,"status":503}`},
	{"hangs", `{"delay_ms":600000}`},
}

func (b *bench) sellings(ctx context.Context, beside *around) error {
	speeds, costs := map[string][]float64{}, map[string][]float64{}
	if _, err := b.selling(ctx, "warm", saleBuyers/4); err != nil {
		return err
	}
	for round := range saleRounds {
		for _, fare := range fares {
			b.say(fmt.Sprintf("sale %d, receiver %s", round+1, fare.name))
			if err := beside.behave(fare.how); err != nil {
				return err
			}
			before, err := b.processorTime(ctx)
			if err != nil {
				return err
			}
			speed, err := b.selling(ctx, fmt.Sprintf("sale-%d-%s", round+1, fare.name), saleBuyers)
			if err != nil {
				return err
			}
			if fare.name == fares[0].name {
				if err := b.delivered(ctx); err != nil {
					return err
				}
				after, err := b.processorTime(ctx)
				if err != nil {
					return err
				}
				for who := range after {
					costs[who] = append(costs[who], (after[who]-before[who])*1000/saleBuyers)
				}
			}
			speeds[fare.name] = append(speeds[fare.name], speed)
		}
	}
	b.table.add("orders, wallet and card mixed, two gateways", "/s", speeds["well"], atLeast(200)).Note = "holds, charges of wallets and payments"
	for _, who := range slices.Sorted(maps.Keys(costs)) {
		b.table.add("an order takes "+who+", processor time", "ms", costs[who], nil).Note = "joining, and all that follows it, included"
	}
	b.table.ratio("orders while a receiver refuses ÷ while it is well", speeds["refuses"], speeds["well"], atLeast(0.95))
	b.table.ratio("orders while a receiver hangs ÷ while it is well", speeds["hangs"], speeds["well"], atLeast(0.95))
	return beside.behave(fares[0].how)
}

// selling has so many buy a seat each, and tells how many orders a second were paid.
func (b *bench) selling(ctx context.Context, show string, buyers int) (float64, error) {
	people, ids, err := b.inside(show, buyers)
	if err != nil {
		return 0, err
	}
	var wait sync.WaitGroup
	errs := make([]error, saleAtOnce)
	began := time.Now()
	for c := range saleAtOnce {
		wait.Go(func() {
			conn, err := dial(b.gateways[c%len(b.gateways)].address, 2*time.Minute)
			if err != nil {
				errs[c] = err
				return
			}
			defer conn.Close()
			for i := c; i < buyers && errs[c] == nil && ctx.Err() == nil; i += saleAtOnce {
				one := &buyer{conn: conn, show: show, visitor: people[i]}
				errs[c] = one.wins(ids[i])
				if errs[c] == nil && i/saleAtOnce%2 == 0 {
					errs[c] = errors.Join(one.charge(), one.pay())
				} else if errs[c] == nil {
					errs[c] = one.payBy("card_ok")
				}
			}
		})
	}
	wait.Wait()
	took := time.Since(began)
	return float64(buyers) / took.Seconds(), errors.Join(firstOf(errs), ctx.Err())
}

// inside makes a show with two seats a visitor, and lets so many visitors in.
func (b *bench) inside(show string, people int) ([]visitor, []string, error) {
	seats, err := hall.Arena(2 * people)
	if err != nil {
		return nil, nil, err
	}
	if err := b.gateways[0].makeShow(show, seats); err != nil {
		return nil, nil, err
	}
	for _, g := range b.gateways[1:] {
		if err := g.process.within(30*time.Second, func() error { return g.opened(show) }); err != nil {
			return nil, nil, err
		}
	}
	crowd, err := newLine(b.gateways[0], show).letAllIn(people)
	return crowd, seatIDs(seats), err
}

// payBy pays for the buyer's hold by card.
func (b *buyer) payBy(card string) error {
	return b.post("/v1/orders", `{"hold":"`+b.held+`","payment":{"method":"card","card":"`+card+`"}}`, "order-"+b.held)
}
