package booking

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// MostBans is how many visitors may be banned from a show: every gateway reads them each second.
const MostBans = 1000

type banRow struct {
	ShowID  string `gorm:"primaryKey"`
	Visitor string `gorm:"primaryKey"`
	At      int64
}

func (banRow) TableName() string { return "bans" }

// who is banned, and where.
type ban struct{ show, visitor string }

// Ban puts a visitor out of a show; the catalogues of all gateways know within a second. Again, it
// changes nothing. What they hold runs out, what they bought stays theirs. It may return
// ErrShowNotFound or ErrTooManyBans.
func (s *Store) Ban(ctx context.Context, show, visitor string) error {
	return s.setBan(ctx, "ban visitor", show, visitor, true)
}

// Unban lets them in again, as anybody. It may return ErrShowNotFound.
func (s *Store) Unban(ctx context.Context, show, visitor string) error {
	return s.setBan(ctx, "unban visitor", show, visitor, false)
}

func (s *Store) setBan(ctx context.Context, op, show, visitor string, banned bool) error {
	if _, err := s.FindShow(ctx, show); err != nil {
		return err
	}
	err := s.transact(ctx, op, func(tx *gorm.DB) error {
		var there, all int64
		if err := tx.Model(&banRow{}).Where("show_id = ? AND visitor = ?", show, visitor).Count(&there).Error; err != nil || (there == 1) == banned {
			return err
		}
		if !banned {
			if err := must(tx, 1, "DELETE FROM bans WHERE show_id = ? AND visitor = ?", show, visitor); err != nil {
				return err
			}
			return s.auditOf(ctx, tx, op, show, visitor, values{"banned": true}, values{"banned": false})
		}
		if err := tx.Model(&banRow{}).Where("show_id = ?", show).Count(&all).Error; err != nil {
			return err
		}
		if all >= MostBans {
			return ErrTooManyBans
		}
		if err := tx.Create(&banRow{ShowID: show, Visitor: visitor, At: s.Now()}).Error; err != nil {
			return err
		}
		return s.auditOf(ctx, tx, op, show, visitor, values{"banned": false}, values{"banned": true})
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) || errors.Is(err, errRollback) {
		return nil // another operator did the same, this moment
	}
	return err
}

// readBans reads whom the catalogue has to know.
func (c *Catalogue) readBans(ctx context.Context) error {
	var rows []banRow
	if err := c.store.db.WithContext(ctx).Select("show_id", "visitor").Find(&rows).Error; err != nil {
		return failed("read bans", err)
	}
	bans := make(map[ban]struct{}, len(rows))
	for _, row := range rows {
		bans[ban{row.ShowID, row.Visitor}] = struct{}{}
	}
	c.bans.Store(&bans)
	return nil
}

// IsBanned tells whether a visitor was put out of a show.
func (c *Catalogue) IsBanned(show, visitor string) bool {
	bans := c.bans.Load()
	if bans == nil || len(*bans) == 0 {
		return false
	}
	_, banned := (*bans)[ban{show, visitor}]
	return banned
}
