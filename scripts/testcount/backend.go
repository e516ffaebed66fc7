package main

import (
	"slices"
	"strings"
)

// backends are the names that tests give the subtests which run on each server,
// in the order of the table.
var backends = []string{"miniredis", "redis", "sqlite", "mysql"}

func isBackend(name string) bool { return slices.Contains(backends, name) }

// backendsOf returns the backends that a test ran on, by its name: an element of
// the path is one, or several joined by "+", as in TestSale/redis+mysql/late.
func backendsOf(test string) []string {
	var found []string
	for _, element := range strings.Split(test, "/") {
		element, _, _ = strings.Cut(element, "#") // go test numbers subtests of one name
		for _, name := range strings.Split(element, "+") {
			if isBackend(name) && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}
