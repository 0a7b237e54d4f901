package sfere_test

import (
	"fmt"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
)

// A broadcast reaches the streams of all nodes that match, each once.
func TestClusterBroadcast(t *testing.T) {
	inCluster(t, memoryBus, 3, setup{opts: sfere.Options{FromRelay: []effect.Data{mine{}}}}, func(t *testing.T, _ relay.Relay, rigs []*rig) {
		var all []*client
		for i, r := range rigs {
			all = append(all, r.visit(fmt.Sprintf("id=p%d&tab=t%d", i, i)))
		}
		settle()
		want := func(step string, texts ...string) {
			t.Helper()
			settle()
			for i, c := range all {
				if got := c.texts(); got != "hello"+texts[i] {
					t.Errorf("%s: node %d got %q, want %q", step, i, got, "hello"+texts[i])
				}
			}
		}
		rigs[0].dispatch(sfere.Tell(sfere.Category("lobby"), tell("one")))
		want("shared", " one", " one", " one")
		rigs[1].dispatch(sfere.Tell(sfere.Category("lobby"), tell("two"), mine{Text: "for"}, tell("three")))
		want("each with its own Ctx", " one two for of t0 three", " one two for of t1 three", " one two for of t2 three")
		rigs[2].dispatch(sfere.Send(key("p0"), tell("four")))
		want("one key elsewhere", " one two for of t0 three four", " one two for of t1 three", " one two for of t2 three")
		rigs[0].dispatch(sfere.Broadcast{To: sfere.Everyone(), Exclude: sfere.Except(key("p1")), Effects: effect.List{tell("five")}})
		want("without some", " one two for of t0 three four five", " one two for of t1 three", " one two for of t2 three five")
		for _, c := range all {
			c.leave()
		}
	})
}
