//go:build race

package testenv

// Race tells whether the race detector watches: what is large goes smaller then.
const Race = true
