package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alicebob/miniredis/v2"

	"frontrow/booking"
	"frontrow/internal/fakepay"
)

// embedded are the servers that the default brings along: a Redis in this process,
// and a database file that outlives it.
type embedded struct {
	lock  *os.File
	redis *miniredis.Miniredis
	pay   *fakeProvider
	dir   string
}

// openEmbedded takes the data directory for this process alone and starts what a
// gateway stands on. cfg is told where that is, and the secrets kept there.
func openEmbedded(ctx context.Context, cfg *gatewayConfig) (*embedded, error) {
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	e := &embedded{dir: dir}
	if e.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err := e.open(ctx, cfg); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *embedded) open(ctx context.Context, cfg *gatewayConfig) (err error) {
	for name, value := range map[string]*string{secretFile: &cfg.Secret, adminFile: &cfg.AdminToken} {
		if *value == "" {
			if *value, err = e.keepSecret(name); err != nil {
				return err
			}
		} else if err := e.keep(name, *value); err != nil {
			return err
		}
	}
	dsn := "file:" + filepath.Join(e.dir, sqliteFile)
	db, err := booking.Open(dsn)
	if err != nil {
		return err
	}
	defer closeDatabase(db)
	if _, err := booking.Migrate(ctx, db); err != nil {
		return err
	}
	e.redis = miniredis.NewMiniRedis()
	if err := e.redis.StartAddr("127.0.0.1:0"); err != nil {
		return fmt.Errorf("embedded Redis: %w", err)
	}
	cfg.RedisURL, cfg.MySQLDSN = "redis://"+e.redis.Addr(), dsn
	if cfg.PaymentURL == "" {
		e.pay, err = startFake(filepath.Join(e.dir, fakepayFile))
		if err == nil {
			cfg.PaymentURL = e.pay.URL()
		}
	}
	return err
}

// cards are those that the provider of the embedded default knows; none without it.
func (e *embedded) cards() []string {
	if e == nil || e.pay == nil {
		return nil
	}
	var cards []string
	for name := range fakepay.Behaviours() {
		cards = append(cards, "card_"+name)
	}
	slices.Sort(cards)
	return cards
}

// lockDir makes sure that one process alone works on a data directory.
func lockDir(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("a gateway is running on the data directory %s already", dir)
		}
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return lock, nil
}

// keepSecret reads a secret of the data directory, or makes it.
func (e *embedded) keepSecret(name string) (string, error) {
	if secret := (servers{DataDir: e.dir}).stored(name); secret != "" {
		return secret, nil
	}
	var raw [32]byte
	rand.Read(raw[:])
	secret := base64.RawURLEncoding.EncodeToString(raw[:])
	return secret, e.keep(name, secret)
}

// keep writes a file of the data directory for its owner's eyes.
func (e *embedded) keep(name, value string) error {
	path := filepath.Join(e.dir, name)
	if err := os.WriteFile(path+".new", []byte(value+"\n"), 0o600); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// Close stops the embedded Redis and leaves the data directory to others.
func (e *embedded) Close() {
	if e.redis != nil {
		e.redis.Close()
		_ = os.Remove(filepath.Join(e.dir, addressFile))
	}
	if e.pay != nil {
		e.pay.Close()
	}
	_ = e.lock.Close()
}
