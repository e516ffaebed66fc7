//go:build faults

// Package fault marks the places at which a test has the process killed, in a build with
// the tag faults. In any other build a mark is nothing.
package fault

import (
	"os"
	"syscall"
)

// at is where this process is to die: as by a power cut, nothing runs afterwards.
var at = os.Getenv("FRONTROW_FAULT")

// Point ends the process if this is the place.
func Point(name string) {
	if name != at {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
