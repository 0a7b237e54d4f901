package sfere

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/internal/growth"
	"github.com/sfere-go/sfere/relay"
)

// twoNodes returns two programs on a bus, the second of which has n streams.
func twoNodes(t testing.TB, n int) (one, two *Conns) {
	t.Helper()
	bus := relay.NewMemory(nil)
	one, two = New(&Options{Relay: bus, Node: &relay.Options{Name: "one"}}), New(&Options{Relay: bus, Node: &relay.Options{Name: "two"}})
	for i := range n {
		ghost(t, two, Key{"s", "room", fmt.Sprintf("%06d", i)})
	}
	for _, c := range []*Conns{one, two} {
		if err := c.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
	}
	for end := time.Now().Add(30 * time.Second); len(one.Nodes()) < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("they do not meet")
		}
	}
	return one, two
}

// The goroutine that answers other nodes, and takes what they send, never waits until
// many connections are in order: whoever asks is told to ask again.
func TestAnswerDoesNotWaitForOrder(t *testing.T) {
	t.Parallel()
	const n = 3 * shortList
	one, two := twoNodes(t, n)
	cl, q := two.cluster.Load(), listQuestion{Limit: 10}
	two.viewing.Lock() // somebody puts connections in order
	if l := cl.list(q, false); l != nil {
		t.Errorf("a list that is not in order has %d connections", len(l.rows.list))
	}
	counts := cl.list(listQuestion{}, false)
	if counts == nil || counts.Matched != n {
		t.Errorf("only the counts: %+v", counts)
	}
	two.viewing.Unlock()
	var got []ConnInfo
	for after := ""; len(got) < n; {
		p, err := one.ListNodes(t.Context(), Category("room").In("s"), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if p.Nodes[1].Fate == relay.Silent { // the machine is busy
			continue
		}
		if len(p.Conns) > maxListed || p.Matched != n || p.Next == "" && len(got)+len(p.Conns) < n {
			t.Fatalf("after %d there is a page of %d, %d match", len(got), len(p.Conns), p.Matched)
		}
		got, after = append(got, p.Conns...), p.Next
	}
	for i, info := range got {
		if want := fmt.Sprintf("%06d", i); info.Keys[0].ID != want || !strings.HasPrefix(info.Node, "two (") {
			t.Fatalf("connection %d is %v of %s", i, info.Keys, info.Node)
		}
	}
}

// Streams under many keys and texts that JSON makes longer make no answer that cannot be
// sent: a page of them is shorter.
func TestLongListsFit(t *testing.T) {
	t.Parallel()
	one, two := twoNodes(t, 0)
	long := strings.Repeat("\x01", maxField-10) // six bytes each in JSON
	const n = 40
	for i := range n {
		var keys []Key
		for k := range 3 * maxListedKeys {
			keys = append(keys, Key{"s", "room", fmt.Sprintf("%s%03d-%03d", long, i, k)})
		}
		ghost(t, two, keys...)
	}
	seen := 0
	for after := ""; seen < n; {
		p, err := one.ListNodes(t.Context(), Category("room").In("s"), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		switch f := p.Nodes[1].Fate; {
		case f == relay.Silent:
			continue
		case f != relay.Taken || len(p.Conns) == 0:
			t.Fatalf("after %d it is %+v", seen, p.Nodes[1])
		}
		for _, i := range p.Conns {
			if len(i.Keys) != maxListedKeys || i.MoreKeys != 2*maxListedKeys {
				t.Errorf("%d keys and %d more", len(i.Keys), i.MoreKeys)
			}
		}
		seen, after = seen+len(p.Conns), p.Next
	}
	if seen != n {
		t.Errorf("%d are listed, want %d", seen, n)
	}
}

// A page of another node costs what it lists, however many streams there are.
func TestListAnswerCostsWhatItLists(t *testing.T) {
	cost := func(n int) float64 {
		_, two := twoNodes(t, n)
		cl, q := two.cluster.Load(), listQuestion{Limit: 100, After: &farPlace{Key: Key{"s", "room", fmt.Sprintf("%06d", n/2)}}}
		cl.list(q, true)
		return growth.Allocs(func() {
			if text, err := cl.answerList(q); err != nil || strings.Count(string(text), `"info"`) != 100 {
				t.Errorf("%.100s, %v", text, err)
			}
		})
	}
	const n = 3000
	few, many := cost(n), cost(8*n)
	t.Logf("%d streams: %.0f allocations; %d: %.0f", n, few, 8*n, many)
	if many > few*1.1 {
		t.Error("it grows with what matches")
	}
}

// BenchmarkListNodes asks a node with 100 000 streams for a page of 100.
func BenchmarkListNodes(b *testing.B) {
	one, two := twoNodes(b, 100_000)
	two.cluster.Load().list(listQuestion{Limit: 1}, true)
	for ok := false; !ok; { // it is subscribing still
		p, err := one.ListNodes(b.Context(), Everyone(), "", 0)
		ok = err != nil || p.Matched > 0
	}
	after := ""
	for b.Loop() {
		p, err := one.ListNodes(b.Context(), Everyone(), after, 100)
		if err != nil || p.Matched != 100_000 || len(p.Conns) != 100 && p.Next != "" {
			b.Fatalf("%d of %d, %v", len(p.Conns), p.Matched, err)
		}
		after = p.Next
	}
}
