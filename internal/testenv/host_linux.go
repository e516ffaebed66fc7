package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// dieWithParent makes the kernel kill a server when the thread that started it
// ends, so that a test process that panics or is killed leaves none behind.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

func lockFile(dir string) string { return filepath.Join(dir, "held") }

// holdDir marks dir as in use until release is called or the process ends.
func holdDir(dir string) (release func(), err error) {
	f, err := os.OpenFile(lockFile(dir), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("hold %s: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("hold %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

// isHeld says whether a living process holds dir. One that cannot be asked about
// counts as held.
func isHeld(dir string) bool {
	f, err := os.OpenFile(lockFile(dir), os.O_RDWR, 0)
	if err != nil {
		return true
	}
	defer func() { _ = f.Close() }()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}
