package main

import (
	"context"
	"time"

	"frontrow/internal/hall"
)

// How many requests of a kind the database's log is read of, one after the other.
const (
	shoppers = 60
	losers   = 400
)

// pause is longer than the listeners of an order take to be done: they gather what many
// orders set off (internal/gather), and look twenty times a second at most.
const pause = 250 * time.Millisecond

// statements reads from the database's own log what a hold, a lost seat and a payment
// cost it.
func (b *bench) statements(ctx context.Context) error {
	const show = "statements"
	seats, err := hall.Arena(2 * shoppers)
	if err != nil {
		return err
	}
	if err := b.gateways[0].makeShow(show, seats); err != nil {
		return err
	}
	crowd, err := newLine(b.gateways[0], show).letAllIn(shoppers)
	if err != nil {
		return err
	}
	ids := seatIDs(seats)
	conn, err := dial(b.gateways[0].address, 3*time.Minute)
	if err != nil {
		return err
	}
	defer conn.Close()
	log, err := openStatementLog(ctx, b.db)
	if err != nil {
		return err
	}
	defer log.close()

	buyers := make([]buyer, shoppers)
	for i := range buyers {
		buyers[i] = buyer{conn: conn, show: show, visitor: crowd[i]}
		if _, err := buyers[i].hold(ids[shoppers+i]); err != nil { // connections and caches are warm
			return err
		}
	}
	held, err := log.during(ctx, shoppers, 0, func(i int) error { return buyers[i].wins(ids[i]) })
	if err != nil {
		return err
	}
	lost, err := log.during(ctx, losers, 0, func(i int) error { return buyers[i%shoppers].loses(ids[(i+1)%shoppers]) })
	if err != nil {
		return err
	}
	for i := range buyers {
		if err := buyers[i].charge(); err != nil {
			return err
		}
	}
	paid, err := log.during(ctx, shoppers, pause, func(i int) error { return buyers[i].pay() })
	if err != nil {
		return err
	}
	b.table.add("SQL statements of a hold", "", []float64{held.all()}, atMost(5))
	b.table.add("transactions of a hold", "", []float64{held.transactions}, atMost(1))
	b.table.add("SQL statements of a lost seat", "", []float64{lost.all()}, atMost(0))
	b.table.add("SQL statements of a wallet payment's transaction", "", []float64{paid.inside}, atMost(10))
	b.table.add("SQL statements before it", "", []float64{paid.before}, nil)
	b.table.add("transactions of a wallet payment", "", []float64{paid.transactions}, atMost(1))
	b.table.add("SQL statements of its events, afterwards", "", []float64{paid.after}, nil)
	return nil
}

func seatIDs(sections []hall.Section) []string {
	var ids []string
	for _, section := range sections {
		for _, row := range section.Rows {
			for _, seat := range row.Seats {
				ids = append(ids, seat.Seat)
			}
		}
	}
	return ids
}
