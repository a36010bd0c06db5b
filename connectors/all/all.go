// Package all is the list of every connector. The program and the sandbox take it from here; nothing
// else in Orderly names a system.
package all

//go:generate go run ../../internal/gen/list
