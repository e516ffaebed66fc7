package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const scratchPattern = "frontrow-test-*"

// scratch returns the directory of this test process: the servers' data and the
// built binaries. Main removes it; what killed processes left is removed by
// those that come later, since a database's files are not small.
var scratch = sync.OnceValues(func() (string, error) {
	sweepScratch(os.TempDir(), time.Hour)
	dir, err := os.MkdirTemp("", scratchPattern)
	if err != nil {
		return "", fmt.Errorf("directory for the servers of the tests: %w", err)
	}
	release, err := holdDir(dir)
	if err != nil {
		return "", err
	}
	atExit(func() {
		release()
		_ = os.RemoveAll(dir)
	})
	return dir, nil
})

// scratchDir makes a new directory for one server or build.
func scratchDir(name string) (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, name+"-*")
}

// sweepScratch removes the scratch directories below parent that nobody holds.
// Younger ones than minAge are let be: theirs may be about to be held.
func sweepScratch(parent string, minAge time.Duration) {
	dirs, _ := filepath.Glob(filepath.Join(parent, scratchPattern))
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err == nil && time.Since(info.ModTime()) >= minAge && !isHeld(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}
