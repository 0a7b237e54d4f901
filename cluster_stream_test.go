package sfere_test

import (
	"encoding/json"
	"testing"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// What a page is told as the id of its stream names that stream on every node, and no
// other one that has the same number there.
func TestClusterOwnStream(t *testing.T) {
	t.Parallel()
	inCluster(t, memoryBus, 3, setup{}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		var all []*client
		var ids []uint64
		for _, r := range rs { // each is the first of its hub
			c := r.visit("id=ann")
			settle()
			r.dispatch(sfere.Broadcast{To: sfere.Exactly(key("ann")), Exclude: sfere.Exclude{}, Effects: effect.List{
				twk.PatchSignals{Late: map[string]effect.Late[any]{"text": effect.Later[any](sfere.OwnStream{})}},
			}})
			settle()
			all = append(all, c)
		}
		for _, c := range all {
			id := signalOf(t, c)
			if id == 0 || id >= 1<<53 {
				t.Errorf("the id %d is no number of JavaScript", id)
			}
			ids = append(ids, id)
		}
		rs[0].dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Exclude: sfere.Exclude{Streams: []uint64{ids[1]}}, Effects: effect.List{tell("x")}})
		settle()
		for i, c := range all {
			if got := lastText(c); (got == "x") == (i == 1) {
				t.Errorf("node %d: the last text is %q", i, got)
			}
		}
		rs[0].dispatch(sfere.Close{To: sfere.Category("lobby"), Streams: []uint64{ids[2]}})
		<-all[2].left
		settle()
		rs[0].wantCount(sfere.Category("lobby"), 1)
		rs[1].wantCount(sfere.Category("lobby"), 1)
		all[0].leave()
		all[1].leave()
	})
}

// signalOf returns the number that was patched as "text" last.
func signalOf(t *testing.T, c *client) (id uint64) {
	t.Helper()
	var s struct{ Text uint64 }
	text := lastText(c)
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return s.Text
}
