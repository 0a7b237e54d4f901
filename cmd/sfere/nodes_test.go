package main

import (
	"strings"
	"testing"

	"github.com/sfere-go/sfere/internal/consoletest"
)

// The command lists all machines and what they have, and says which one is silent.
func TestNodes(t *testing.T) {
	ps, bus := consoletest.Nodes(t, nil, "a", "b", "c")
	ps[0].Join(t, "ann")
	ps[2].Join(t, "carl")
	url := api(t, ps[0])
	try := func(reason, args string, code int, want, wrong string) {
		t.Helper()
		got, out, errs := invoke(t, url, "", strings.Fields(args)...)
		if got != code || !strings.Contains(out, want) || !strings.Contains(errs, wrong) {
			t.Errorf("%s: sfere %s exits %d with %q and %q, want %d with %q and %q", reason, args, got, out, errs, code, want, wrong)
		}
	}
	try("all machines", "connections -nodes", exitOK, "  c (", "")
	try("all pages", "connections -nodes -n 0", exitOK, "default/lobby/carl", "")
	try("this one", "connections", exitOK, "default/lobby/ann", "")
	try("their number", "connections -nodes -count", exitOK, "2 match, 2 in all\n", "")
	try("machines", "nodes", exitOK, "live, answers here", "")
	try("as JSON", "nodes -json", exitOK, `"name": "b"`, "")
	try("too much", "nodes c", exitUsage, "", "one argument too many")
	bus.Split(2)
	try("one is silent", "nodes", exitOK, "silent", "")
	try("what it has is not told as nothing", "connections -nodes */*/carl", exitNo, "not counted: c (", "as far as is known; not heard of: c (")
	try("nor left out without a word", "connections -nodes -count", exitOK, "1 match, 1 in all\nnot counted: c (", "")
	url = api(t, consoletest.New(t, nil))
	try("one machine", "nodes", exitUnreachable, "", "no relay")
}
