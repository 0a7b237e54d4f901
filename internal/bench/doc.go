// Package bench measures what a delivery costs, each figure next to its floor:
// the least that a program written by hand can spend on the same work. It has
// tests only and needs nothing outside this module.
//
//	go test -bench . ./internal/bench/...                         # about five minutes
//	go test -bench . ./internal/bench -args -json results.json    # and a file
//	go test -bench Room ./internal/bench -args -million           # a million connections
//	go test -bench Views ./internal/bench -args -own 10000        # all views of one's own
//
// The folder contestant takes part in a comparison with other libraries; see
// docs/performance.md, which the command perfdoc writes.
package bench
