//go:build !faults

// Package fault marks the places at which a test has the process killed, in a build with
// the tag faults. In any other build a mark is nothing.
package fault

// Point is passed between two steps that a crash may part.
func Point(string) {}
