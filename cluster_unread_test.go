package sfere_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
)

// A machine that cannot or must not run an effect of another one has missed it: its own
// streams are told a gap, and the sender hears which machine has not read what. Nothing
// else is lost.
func TestClusterUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, gaps := relay.NewMemory(nil), &gapLog{}
		one := joinRigs(t, bus, 1, setup{opts: sfere.Options{FromRelay: []effect.Data{mine{}}}})[0]
		node := nodeOptions(1, &relay.Options{Gap: gaps.add})
		two := newRig(t, setup{opts: sfere.Options{Relay: bus, Node: node}})
		if err := two.conns.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		b, c := two.visit("id=b&tab=b"), two.visit("id=b&tab=c")
		time.Sleep(5 * time.Second) // whoever is new has missed something, perhaps
		before := gaps.count()
		for i, report := range []string{"", "cluster"} {
			rep := sfere.ReportOf(one.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("with"), mine{Text: "x"}}, Report: report}))
			settle()
			if got := gaps.count() - before; got != i+1 {
				t.Errorf("report %q: %d gaps, want one for each message", report, got)
				continue
			}
			g := gaps.all[len(gaps.all)-1]
			if g.To != (relay.Address{Scope: "default", Category: "lobby"}) || !slices.Equal(g.Causes, []relay.Cause{relay.Unreadable}) || g.From == (relay.ID{}) {
				t.Errorf("report %q: the gap is %+v", report, g)
			}
			if report == "" {
				continue
			}
			if len(rep.Unreached) != 1 || rep.Unreached[0].Name != "b" || rep.Unreached[0].Fate != relay.Refused || !strings.Contains(rep.Unreached[0].Reason, "test/mine") {
				t.Errorf("unreached are %+v", rep.Unreached)
			}
			if rep.Matched != 2 || rep.Failed != 2 || rep.Delivered != 0 {
				t.Errorf("the report is %+v", rep)
			}
		}
		rep := sfere.ReportOf(one.dispatch(sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell("later")}, Report: "cluster"}))
		if rep.Delivered != 2 || len(rep.Unreached) > 0 {
			t.Errorf("what comes after is reported as %+v", rep)
		}
		settle()
		for _, s := range []*client{b, c} {
			if got := lastText(s); got != "later" || strings.Contains(s.texts(), "with") {
				t.Errorf("a page has received %q", s.texts())
			}
			s.close()
		}
		one.conns.Close()
		two.conns.Close()
		synctest.Wait()
	})
}
