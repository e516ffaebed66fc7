// Package check has tests alone: it looks over what is in deploy with the tools that run it,
// as libraries. What needs servers is in deploy itself.
package check
