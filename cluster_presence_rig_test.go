package sfere_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
)

const (
	graceT = 5 * time.Second
	downT  = 11 * time.Second // after which a node that is silent is down everywhere
	wholeT = 3 * time.Second  // after which everybody knows everybody
)

// calls returns what was recorded, without times, and forgets it.
func (d *diary) calls() (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.lines {
		for i := range line {
			if line[i] == ' ' {
				out = append(out, line[i+1:])
				break
			}
		}
	}
	d.lines = nil
	return out
}

// told fails the test unless these calls were made since the last time.
func (d *diary) told(t *testing.T, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, d.calls()); diff != "" {
		t.Errorf("%s: callbacks (-want +got):\n%s", what, diff)
	}
}

// names returns who is in the list of a presence, sorted.
func names(w *sfere.Presence) (out []string) {
	there, _ := w.List()
	for _, v := range there {
		out = append(out, v.Key.ID)
	}
	slices.Sort(out)
	return out
}

// wantNames fails the test unless these are in the list.
func wantNames(t *testing.T, what string, w *sfere.Presence, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, names(w)); diff != "" {
		t.Errorf("%s: who is there (-want +got):\n%s", what, diff)
	}
}

// faultyBus returns a bus of memory that a test can break.
func faultyBus() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), nil) }

// kill ends a node as a power cut does: nobody hears of it. link is its number.
func kill(bus relay.Relay, link int, r *rig, tabs ...*client) {
	bus.(*relay.Faulty).Disconnect(link)
	for _, c := range tabs {
		c.close()
	}
	r.conns.Close()
	synctest.Wait()
}

// watching is a rig of each node with a watch of the lobby.
type watching struct {
	*rig
	w *sfere.Presence
	d *diary
}

func watchAll(rigs []*rig, grace time.Duration) (out []watching) {
	for _, r := range rigs {
		w, d := r.watch(grace)
		out = append(out, watching{r, w, d})
	}
	time.Sleep(2 * time.Second) // all know all: a node answers one of two that come at once
	synctest.Wait()
	return out
}

// come opens a stream and waits until it is live.
func (r *rig) come(query string) *client {
	c := r.visit(query)
	synctest.Wait()
	return c
}
