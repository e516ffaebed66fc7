package gate

import (
	"strconv"
	"sync"
)

// buffers are what bodies are copied through; one for each answer under way would be made
// anew for every request.
type buffers struct{}

const bufferSize = 32 << 10

var pool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Get implements httputil.BufferPool.
func (buffers) Get() []byte { return pool.Get().(*[bufferSize]byte)[:] }

// Put implements httputil.BufferPool.
func (buffers) Put(b []byte) { pool.Put((*[bufferSize]byte)(b)) }

func number(n int64) string { return strconv.FormatInt(n, 10) }
