package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
)

func TestViews(t *testing.T) {
	p := consoletest.New(t, nil)
	url := api(t, p)
	if code, _, errs := invoke(t, url, "", "views"); code != exitNo || !strings.Contains(errs, "nobody is shown") {
		t.Errorf("at first: exit %d, %q", code, errs)
	}
	ann := p.Join(t, "ann")
	for board := range 3 {
		p.Show(t, ann, "ann", board)
	}
	for _, test := range []struct {
		reason, args, in string
		code             int
		out, err         string // parts of
	}{
		{"a list", "views", "", exitOK, `test/board  {"id":2}  default  1        1        0%`, ""},
		{"some", "views -n 1", "", exitOK, "\n3 values are shown\nviews: test/board 3\n", ""},
		{"by name", "views board", "", exitOK, "current", ""},
		{"none of the name", "views inbox", "", exitNo, "", "nobody is shown"},
		{"counts", "views -count", "", exitOK, "3 values are shown\n", ""},
		{"as JSON", "views -json -n 2", "", exitOK, `"matched": 3`, ""},
		{"fewer than none", "views -n -1", "", exitUsage, "", "negative"},
		{"two names", "views a b", "", exitUsage, "", "at most one"},
		{"of a connection", "connections", "", exitOK, `test/board {"id":0}, test/board {"id":1}`, ""},
		{"a dry run of a refresh", "dry-run", `{"effect":"sfere/refresh","args":{"topic":"board"}}`, exitOK, "3 values would be rendered, for 3 viewers\nVIEW", ""},
	} {
		code, out, errs := invoke(t, url, test.in, strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errs, test.err) {
			t.Errorf("%s: sfere %s exits %d with %q and %q, want %d with %q and %q", test.reason, test.args, code, out, errs, test.code, test.out, test.err)
		}
	}
}

// More than one request brings all values.
func TestAllViews(t *testing.T) {
	p := consoletest.New(t, nil)
	url := api(t, p)
	ann := p.Join(t, "ann")
	n := pageSize + 5
	var all []string
	for board := range n {
		all = append(all, fmt.Sprintf(`{"effect":"test/board","args":{"id":%d}}`, board))
	}
	body := `[{"effect":"sfere/show","args":{"views":[` + strings.Join(all, ",") + `]}}]`
	if code, _, errs := invoke(t, url, body, "send", "-header", "Token: x", "-to", "*/*/*"); code != exitOK {
		t.Fatal(errs)
	}
	_, out, _ := invoke(t, url, "", "views", "-n", "0", "-json")
	var got console.Views
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Views) != n || got.Matched != n {
		t.Errorf("%d of %d values, %v", len(got.Views), n, err)
	}
	ann.Close()
}

func TestViewState(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		reason string
		v      sfere.ViewInfo
		want   string
	}{
		{"nothing is to be done", sfere.ViewInfo{}, "current"},
		{"it waits", sfere.ViewInfo{DirtySince: now.Add(-time.Second)}, "waits for 1s"},
		{"that it fails matters more", sfere.ViewInfo{DirtySince: now, Error: "x"}, "failed: x"},
		{"that it hangs matters most", sfere.ViewInfo{DirtySince: now, Error: "x", Stuck: true}, "stuck"},
	} {
		if got := viewState(test.v, now); got != test.want {
			t.Errorf("%s: %q, want %q", test.reason, got, test.want)
		}
	}
}
