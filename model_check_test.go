package sfere_test

import (
	"fmt"
	"slices"
	"strings"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
)

// check compares everything.
func (m *model) check(rt *rapid.T) {
	m.rt = rt
	synctest.Wait()
	held := m.matching(sfere.Everyone())
	if n := m.store.Len(); n != len(held) {
		rt.Fatalf("the store has %d leases, want %d", n, len(held))
	}
	opened := 0
	for _, x := range m.tabs {
		select {
		case <-x.client.left:
			if x.open {
				rt.Fatalf("the handler of %s has returned", x.name)
			}
		default:
			opened++
			if !x.open {
				rt.Fatalf("the handler of %s has not returned", x.name)
			}
		}
	}
	if n := m.hub.Len(); n != opened {
		rt.Fatalf("%d streams are open, want %d", n, opened)
	}
	for _, p := range modelPatterns {
		m.checkPattern(rt, p)
	}
	for _, x := range m.tabs {
		m.checkShown(rt, x)
	}
	var told []string
	for len(m.removed) > 0 {
		r := <-m.removed
		told = append(told, fmt.Sprint(r.Info.ID, r.Keys, r.Cause))
	}
	slices.Sort(told)
	slices.Sort(m.want)
	if diff := cmp.Diff(m.want, told); diff != "" {
		rt.Fatalf("removals (-want +got):\n%s", diff)
	}
	m.want = nil
}

func (m *model) checkPattern(rt *rapid.T, p sfere.Pattern) {
	var ids []string
	keys := map[string]bool{}
	for _, x := range m.matching(p) {
		sorted := slices.Clone(x.keys)
		slices.SortFunc(sorted, func(a, b sfere.Key) int { return strings.Compare(a.String(), b.String()) })
		ids = append(ids, fmt.Sprint(x.conn.ID(), sorted))
		for _, k := range x.keys {
			if p.Matches(k) {
				keys[k.String()] = true
			}
		}
	}
	slices.Sort(ids)
	snapshot, err := m.conns.Snapshot(p)
	var got []string
	for _, h := range snapshot {
		got = append(got, fmt.Sprint(h.Conn.ID, h.Keys))
	}
	slices.Sort(got)
	if diff := cmp.Diff(ids, got); diff != "" || err != nil {
		rt.Fatalf("snapshot of %v: %v (-want +got):\n%s", p, err, diff)
	}
	if n := m.count(p); n != len(ids) {
		rt.Fatalf("count of %v is %d, want %d", p, n, len(ids))
	}
	listed, err := m.conns.List(p)
	if err != nil || len(listed) != len(keys) || !slices.IsSortedFunc(listed, func(a, b sfere.Key) int { return strings.Compare(a.String(), b.String()) }) {
		rt.Fatalf("list of %v is %v, %v, want %v", p, listed, err, keys)
	}
	for _, k := range listed {
		if !keys[k.String()] {
			rt.Fatalf("list of %v has %v", p, k)
		}
	}
}
