package booking

import (
	"context"
	"encoding/json"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// MostPicture is the most bytes of a picture: a waiting room is to be light.
const MostPicture = 60_000

// Picture is one that a theme shows, as it is sent.
type Picture struct {
	Hash string // of its bytes, in hex
	Kind string // such as image/png
	Body []byte
}

type pictureRow struct {
	ShowID string `gorm:"primaryKey"`
	Hash   string `gorm:"primaryKey"`
	Kind   string
	Body   []byte
}

func (pictureRow) TableName() string { return "pictures" }

// ChangeTheme replaces a show's themes by what f makes of them; nil: none. f may be called
// several times, when others change the show meanwhile; its error is returned as it is. It
// may return ErrShowNotFound.
func (s *Store) ChangeTheme(ctx context.Context, id string, f func(old json.RawMessage) (json.RawMessage, error)) (Show, error) {
	return s.change(ctx, id, "change theme", func(r *showRow) error {
		theme, err := f(r.show().Theme)
		if err == nil {
			r.Theme = nil
			if len(theme) > 0 {
				r.Theme = new(string(theme))
			}
		}
		return err
	})
}

// KeepPicture stores a picture of a show, once, and forgets all others but those of `beside`:
// what no theme names is of no use. It may return ErrShowNotFound.
func (s *Store) KeepPicture(ctx context.Context, show string, p Picture, beside []string) error {
	if len(p.Body) > MostPicture {
		return invalid("picture", "must have at most %d bytes", MostPicture)
	}
	if _, err := s.FindShow(ctx, show); err != nil {
		return err
	}
	return s.transact(ctx, "keep picture", func(tx *gorm.DB) error {
		if err := tx.Where("show_id = ? AND hash NOT IN ?", show, append([]string{p.Hash}, beside...)).Delete(&pictureRow{}).Error; err != nil {
			return err
		}
		row := pictureRow{ShowID: show, Hash: p.Hash, Kind: p.Kind, Body: p.Body}
		return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "show_id"}, {Name: "hash"}}, DoUpdates: clause.AssignmentColumns([]string{"kind"})}).Create(&row).Error
	})
}

// FindPicture reads a picture. It may return ErrPictureNotFound.
func (s *Store) FindPicture(ctx context.Context, show, hash string) (Picture, error) {
	var rows []pictureRow
	if err := s.db.WithContext(ctx).Where("show_id = ? AND hash = ?", show, hash).Limit(1).Find(&rows).Error; err != nil {
		return Picture{}, failed("find picture", err)
	}
	if len(rows) == 0 {
		return Picture{}, ErrPictureNotFound
	}
	return Picture{Hash: rows[0].Hash, Kind: rows[0].Kind, Body: rows[0].Body}, nil
}
