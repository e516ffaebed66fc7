package booking

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/redis/go-redis/v9"
)

// Sizes of what is sent at once while a door is loaded, so that Redis is never
// held for long: 1,000 fields take it about 1 ms.
const (
	recordsPerChunk = 1000
	marksPerCall    = 300
)

// pictureTTL clears away a picture whose loader died half-way.
const pictureTTL = time.Minute

// picture is a show's seats as the door keeps them.
type picture struct {
	incarnation string
	records     []any // ordinal, record, …
	deadlines   []redis.Z
	fence       int64
	letters     string
}

// LoadDoor brings the door of a show from the database, if it is not loaded;
// with force also if it is, because Redis was seen to have lost something. Of
// several gateways that load at once one succeeds, and the others leave it at
// that. It may return ErrShowNotFound or ErrUnavailable.
func (s *Store) LoadDoor(ctx context.Context, showID string, force bool) error {
	op := "load door of " + showID
	show, layout, err := s.laidOutNow(ctx, showID)
	if err != nil {
		return failed(op, err)
	}
	replaces, loaded, err := s.incarnation(ctx, show)
	if err != nil || loaded && !force {
		return failed(op, err)
	}
	seats, err := s.readSeats(ctx, showID)
	if err != nil {
		return failed(op, err)
	}
	if len(seats) != layout.Len() {
		return fmt.Errorf("%s: %w", op, ErrShowNotFound) // deleted or laid out anew meanwhile
	}
	opened, err := s.openDoor(ctx, show, replaces, draw(seats, s.Now()))
	if err != nil || !opened {
		return failed(op, err)
	}
	s.log.InfoContext(ctx, "door loaded", "show", showID, "seats", len(seats), "again", force)
	return failed(op, s.catchUp(ctx, show, seats))
}

// incarnation names the picture that the door shows now.
func (s *Store) incarnation(ctx context.Context, show Show) (name string, loaded bool, err error) {
	known, err := s.rdb.HMGet(ctx, doorKeys(show.ID)[0], "loaded", "plan").Result()
	if err != nil {
		return "", false, err
	}
	name, _ = known[0].(string)
	return name, name != "" && known[1] == show.plan(), nil
}

// readSeats reads what the database says of the seats, in the order of the plan.
func (s *Store) readSeats(ctx context.Context, show string) ([]seatRow, error) {
	var seats []seatRow
	err := s.db.WithContext(ctx).Where("show_id = ?", show).Order("ordinal").
		Select("seat", "ordinal", "state", "fence", "hold_id", "hold_until", "order_id", "kept").Find(&seats).Error
	return seats, err
}

// record is how the door writes down a seat's state.
func (r seatRow) record() string {
	switch {
	case r.Kept != "":
		return recordKept
	case r.State == seatFree || r.State == seatSold:
		return r.State
	default:
		return strconv.FormatInt(r.HoldUntil, 10) + ":" + r.HoldID
	}
}

func lettersOf(seats []seatRow, now int64) string {
	letters := make([]byte, len(seats))
	for i, seat := range seats {
		switch {
		case seat.Kept != "":
			letters[i] = letterKept
		case seat.State == seatSold:
			letters[i] = letterSold
		case seat.State == seatFree || seat.State == seatHeld && seat.HoldUntil <= now:
			letters[i] = letterFree
		default:
			letters[i] = letterHeld
		}
	}
	return string(letters)
}

// draw makes the door's picture of the seats. Those that nobody ever touched
// need no record.
func draw(seats []seatRow, now int64) picture {
	p := picture{incarnation: ulid.Make().String(), letters: lettersOf(seats, now)}
	for _, seat := range seats {
		if seat.Fence == 0 && seat.State == seatFree {
			continue
		}
		p.fence = max(p.fence, seat.Fence)
		ordinal := strconv.Itoa(seat.Ordinal)
		p.records = append(p.records, ordinal, strconv.FormatInt(seat.Fence, 10)+":"+seat.record())
		if seat.State != seatFree && seat.State != seatSold {
			p.deadlines = append(p.deadlines, redis.Z{Score: float64(seat.HoldUntil), Member: ordinal})
		}
	}
	return p
}

// openDoor writes the picture beside the door and then puts it in its place at
// once. It tells false if somebody else was first.
func (s *Store) openDoor(ctx context.Context, show Show, replaces string, p picture) (bool, error) {
	keys := doorKeys(show.ID)
	keys = append(keys, keys[2]+":"+p.incarnation, keys[3]+":"+p.incarnation)
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for rest := p.records; len(rest) > 0; {
			n := min(2*recordsPerChunk, len(rest))
			pipe.HSet(ctx, keys[4], rest[:n]...)
			rest = rest[n:]
		}
		for rest := p.deadlines; len(rest) > 0; {
			n := min(recordsPerChunk, len(rest))
			pipe.ZAdd(ctx, keys[5], rest[:n]...)
			rest = rest[n:]
		}
		pipe.Expire(ctx, keys[4], pictureTTL)
		pipe.Expire(ctx, keys[5], pictureTTL)
		return nil
	})
	if err != nil {
		return false, err
	}
	word, err := loadScript.Run(ctx, s.rdb, keys, p.incarnation, show.plan(), replaces,
		len(p.records)/2, len(p.deadlines), p.fence, p.letters).Text()
	if err == nil && word == "incomplete" {
		err = fmt.Errorf("the picture was lost on the way: %w", ErrUnavailable)
	}
	return word == "ok", err
}

// catchUp marks what changed in the database between the reading of the picture
// and its being in place. Later changes are marked by those who make them.
func (s *Store) catchUp(ctx context.Context, show Show, then []seatRow) error {
	now, err := s.readSeats(ctx, show.ID)
	if err != nil || len(now) != len(then) {
		return err
	}
	var changed []seatRow
	for i := range now {
		if now[i] != then[i] {
			changed = append(changed, now[i])
		}
	}
	return s.markSeats(ctx, show, "", changed)
}

// markSeats writes at the door what the database says of seats; loser is the
// hold that found them different, if any.
func (s *Store) markSeats(ctx context.Context, show Show, loser string, seats []seatRow) error {
	for len(seats) > 0 {
		n := min(marksPerCall, len(seats))
		args := []any{loser}
		for _, seat := range seats[:n] {
			args = append(args, seat.Ordinal, seat.Fence, seat.record())
		}
		if _, err := s.atDoor(ctx, markScript, show, args...); err != nil {
			return err
		}
		seats = seats[n:]
	}
	return nil
}
