package sfere_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/relay/natsrelay"
)

// Presence over NATS: two programs, and a server that goes away and comes back.
func TestPresenceOverNATS(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a NATS server")
	}
	nats, err := natsrelay.StartEmbedded(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { nats.Close() }()
	var mu sync.Mutex // guards calls
	calls := map[string][]string{}
	take := func(node string) []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(calls[node])
	}
	var ss []*server
	var ws []*sfere.Presence
	for i := range 2 {
		name := string(rune('a' + i))
		s := newServer(t, setup{opts: sfere.Options{
			Relay: natsrelay.New(nats.URL(), nil),
			Node:  &relay.Options{Name: name, Keys: [][]byte{[]byte("a key of at least 16 bytes")}},
		}})
		if err := s.conns.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.conns.Close)
		note := func(what string) func(sfere.Visitor) {
			return func(v sfere.Visitor) {
				mu.Lock()
				defer mu.Unlock()
				calls[name] = append(calls[name], what+v.Key.ID)
			}
		}
		w, err := s.conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{Grace: time.Minute, Joined: note("+"), Left: note("-")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
		ss, ws = append(ss, s), append(ws, w)
	}
	all := func(want ...string) func() bool {
		return func() bool {
			return slices.Equal(names(ws[0]), want) && slices.Equal(names(ws[1]), want)
		}
	}
	ss[0].open(id("ann"))
	bob := ss[1].open(id("bob"))
	until(t, "both know both", all("ann", "bob"))

	port := nats.Port()
	nats.Close()
	bob.Close() // while nobody hears of it
	ss[0].open(id("bob") + "&tab=2")
	ss[0].open(id("carl"))
	until(t, "local first", func() bool { return ws[0].Has(key("carl")) })
	if nats, err = natsrelay.StartEmbedded(t.Context(), &natsrelay.EmbeddedOptions{Port: port}); err != nil {
		t.Fatal(err)
	}
	until(t, "the server is back", all("ann", "bob", "carl"))
	ss[1].open(id("dora"))
	until(t, "and goes on", all("ann", "bob", "carl", "dora"))

	ss[0].dispatch(sfere.Close{To: sfere.Exactly(key("carl"))})
	until(t, "who was sent away leaves everywhere at once", all("ann", "bob", "dora"))
	want := []string{"+ann", "+bob", "+carl", "+dora", "-carl"}
	for _, node := range []string{"a", "b"} {
		until(t, "each has told of each change once", func() bool { return len(take(node)) >= len(want) })
		got := take(node)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("node %s has told %v, want %v", node, got, want)
		}
	}
	until(t, "the one knows of the other's dora, and tells of ann and bob", func() bool {
		all := ss[0].conns.ClusterPresence()
		return len(all) == 2 && all[0].Self && all[0].Keys == 2 && all[1].Keys == 1 && all[0].Refused+all[1].Refused == 0
	})
}
