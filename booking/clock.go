package booking

import (
	"sync/atomic"
	"time"
)

// clock carries Redis's time forward between the answers that tell it.
type clock struct {
	now    func() time.Time
	offset atomic.Int64
}

// heard takes note of a time in µs that Redis has just told.
func (c *clock) heard(micros int64) {
	c.offset.Store(micros - c.now().UnixMicro())
}

func (c *clock) micros() int64 {
	return c.now().UnixMicro() + c.offset.Load()
}
