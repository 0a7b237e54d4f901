package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestClose(t *testing.T) {
	p := consoletest.New(t, nil)
	url := api(t, p)
	here := func() int {
		n, err := p.Conns.Count(sfere.Everyone())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, test := range []struct {
		reason, args string
		code         int
		out, err     string // parts
		left         int
	}{
		{"a dry run", "-n */lobby/*", exitOK, "closed: closed", "", 2},
		{"a dry run by one who may only look", "-n default/lobby/ann", exitOK, "default/lobby/ann #", "", 2},
		{"a dry run of throwing out", "-n -for 1m default/lobby/ann", exitOK, "closed: kicked", "", 2},
		{"nobody would be closed", "-n */lobby/carl", exitNo, "", "nobody matches */lobby/carl", 2},
		{"in earnest by one who may only look", "*/lobby/*", exitUnreachable, "", "refused", 2},
		{"a pattern that is none", "lobby", exitUsage, "", "must be scope/category/id", 2},
		{"a number that is none", "-id x */lobby/*", exitUsage, "", "number of a connection", 2},
		{"less than no time", "-for -1s */lobby/*", exitUsage, "", "negative", 2},
		{"a connection and a time", "-id 1 -for 1s */lobby/*", exitUsage, "", "one of them", 2},
		{"without a pattern", "", exitUsage, "", "want a key or a pattern", 2},
		{"nobody is closed", "-token x */lobby/carl", exitNo, "closed 0 of 0", "nobody matches", 2},
		{"another connection", "-token x -id 4711 */lobby/*", exitNo, "closed 0 of 0", "nobody matches", 2},
		{"one", "-token x default/lobby/ann", exitOK, "closed 1 of 1 that match", "", 1},
		{"one for a time, as JSON", "-token x -json -for 1m */lobby/bob", exitOK, `"name": "sfere/kick"`, "", 0},
	} {
		for _, id := range []string{"ann", "bob"} {
			if n, _ := p.Conns.Count(sfere.Exactly(sfere.ID("lobby", id))); n == 0 && test.left == 2 {
				p.Join(t, id)
			}
		}
		code, out, errs := invoke(t, url, "", append([]string{"close"}, strings.Fields(test.args)...)...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.err) {
			t.Errorf("%s: sfere close %s exits %d with %q and %q, want %d with %q and %q", test.reason, test.args, code, out, errs, test.code, test.out, test.err)
		}
		if n := here(); n != test.left {
			t.Errorf("%s: %d connections are left, want %d", test.reason, n, test.left)
		}
	}
	for end := time.Now().Add(twktest.Wait); len(p.Conns.Removals()) < 2 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		// told by their handlers, which may not have come to that yet
	}
	code, out, errs := invoke(t, url, "", "removals")
	if code != exitOK || !strings.Contains(out, "default/lobby/bob") || !strings.Contains(out, "kicked") {
		t.Errorf("removals: %d %q %q", code, out, errs)
	}
	if code, _, errs := invoke(t, url, "", "removals", "-n", "-1"); code != exitUsage {
		t.Errorf("removals -n -1: %d %q", code, errs)
	}
	empty := consoletest.New(t, nil)
	if code, _, errs := invoke(t, api(t, empty), "", "removals"); code != exitNo || !strings.Contains(errs, "nobody has left") {
		t.Errorf("removals of none: %d %q", code, errs)
	}
}
