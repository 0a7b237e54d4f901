// Package effecttest is the test kit for registries.
//
//	func TestRegistry(t *testing.T) { effecttest.Run(t, notifications(fake)) }
//
// [Run] checks that a registry keeps the promises on which catalogues, the wire
// form and comparing tests rely. A [Recorder] collects what a dispatcher runs,
// to be compared with cmp.Diff.
package effecttest
