package sfere_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// Whatever is sent, refreshed, closed or thrown out in one scope never reaches another
// one on another node, over a bus that makes every mistake, with names that are made to
// be taken for others.
func TestClusterScopesNeverMix(t *testing.T) {
	scopes := []string{"acme", "rival", "acme.rival", "*x", "_", "=2A"}
	names := []string{"ann", "_", "acme", "*.", "a.b", "=5F", strings.Repeat("long", 40)}
	opts := sfere.Options{
		Scope:     func(r *twk.Request) (string, error) { return r.URL.Query().Get("scope"), nil },
		FromRelay: []effect.Data{mine{}},
	}
	bus := func() relay.Relay {
		return relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{Seed: 3, Drop: 0.1, Double: 0.2, Reorder: 0.2})
	}
	inCluster(t, bus, 3, setup{opts: opts}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		type stream struct {
			*client
			scope string
		}
		var all []stream
		for i, scope := range scopes {
			for j, name := range names {
				q := "scope=" + queryEscape(scope) + "&" + id(name) + "&tab=" + queryEscape(scope)
				all = append(all, stream{rs[(i+j)%3].visit(q), scope})
			}
		}
		settle()
		r := rand.New(rand.NewPCG(5, 6))
		for range 300 {
			scope := scopes[r.IntN(len(scopes))]
			from := rs[r.IntN(3)]
			to := sfere.Category("lobby").In(scope)
			switch r.IntN(4) {
			case 0:
				to = sfere.Exactly(sfere.ID("lobby", names[r.IntN(len(names))]).In(scope))
			case 1:
				to = sfere.Pattern{Scope: sfere.Is(scope), Category: sfere.Any, ID: sfere.Any}
			case 2:
				to = sfere.Pattern{Scope: sfere.Is(scope), Category: sfere.Any, ID: sfere.Is(names[r.IntN(len(names))])}
			}
			list := effect.List{tell("for:" + scope)}
			if r.IntN(3) == 0 {
				list = append(list, mine{Text: "for:" + scope})
			}
			from.dispatch(sfere.Broadcast{To: to, Effects: list})
			time.Sleep(time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		heard := 0
		for _, s := range all {
			for _, text := range strings.Fields(s.texts()) {
				if of, ok := strings.CutPrefix(text, "for:"); ok {
					if heard++; of != s.scope {
						t.Fatalf("a stream of %q got what is for %q", s.scope, of)
					}
				}
			}
		}
		if heard < 1000 {
			t.Errorf("only %d messages arrived: the test says nothing", heard)
		}
		rs[0].dispatch(sfere.Kick{To: sfere.Category("lobby").In("acme")}, sfere.Close{To: sfere.Everyone().In("rival")})
		time.Sleep(5 * time.Second)
		for _, s := range all {
			left := false
			select {
			case <-s.left:
				left = true
			default:
			}
			if left && s.scope != "acme" && s.scope != "rival" {
				t.Errorf("a stream of %q was closed", s.scope)
			}
			s.leave()
		}
	})
}

// Every numbered message reaches a stream once, in the order of its sender, or is
// missed by a node that is told of a gap, or whose absence the report names.
func TestClusterNothingLostUnreported(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults relay.FaultyOptions
		cut    bool
	}{
		{"nothing", relay.FaultyOptions{}, false},
		{"drops", relay.FaultyOptions{Seed: 11, Drop: 0.2}, false},
		{"all", relay.FaultyOptions{Seed: 12, Drop: 0.1, Double: 0.2, Reorder: 0.1, Delay: 5 * time.Millisecond}, false},
		{"split", relay.FaultyOptions{Seed: 13}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			gaps := &gapLog{}
			bus := func() relay.Relay { return relay.NewFaulty(relay.NewMemory(nil), &tt.faults) }
			s := setup{opts: sfere.Options{Node: &relay.Options{Gap: gaps.add}}}
			inCluster(t, bus, 3, s, func(t *testing.T, bus relay.Relay, rs []*rig) {
				f := bus.(*relay.Faulty)
				var all []*client
				for i, r := range rs {
					all = append(all, r.visit(fmt.Sprint("id=p", i)))
				}
				time.Sleep(5 * time.Second) // by now each knows each: a report is about the nodes that are known
				const messages = 200
				claimed := map[string]int{} // delivered as far as the reports say, by message
				named := map[string]bool{}  // messages whose report names somebody
				for i := range messages {
					if tt.cut && i == messages/4 {
						f.Split(2)
					}
					if tt.cut && i == messages/2 {
						f.Heal()
					}
					from := i % 3
					text := fmt.Sprintf("%d-%d", from, i)
					b := sfere.Broadcast{To: sfere.Category("lobby"), Effects: effect.List{tell(text)}}
					if i%4 == 0 {
						b.Report = "cluster"
					}
					rep := sfere.ReportOf(rs[from].dispatch(b))
					if b.Report != "" {
						claimed[text] = rep.Delivered
						named[text] = len(rep.Silent)+len(rep.Unreached) > 0 || rep.Relay != nil
					}
					time.Sleep(20 * time.Millisecond)
				}
				f.Calm(true)
				time.Sleep(20 * time.Second)
				got := map[string]int{}
				lost := 0
				for _, c := range all {
					last := map[byte]int{}
					texts := strings.Fields(c.texts())[1:]
					lost += messages - len(texts)
					for _, text := range texts {
						got[text]++
						var from, n int
						if _, err := fmt.Sscanf(text, "%d-%d", &from, &n); err != nil || n <= last[byte(from)] && last[byte(from)] > 0 {
							t.Errorf("%s came after number %d of its sender, or twice", text, last[byte(from)])
						}
						last[byte(from)] = n
					}
					c.leave()
				}
				for text, n := range claimed {
					if n > got[text] {
						t.Errorf("%s is reported as delivered to %d streams, and reached %d", text, n, got[text])
					}
					if n < len(all) && !named[text] && got[text] < len(all) {
						t.Errorf("%s reached %d streams, and the report names nobody", text, got[text])
					}
				}
				if n := gaps.count(); lost > 0 && n == 0 || lost > 0 && tt.name == "nothing" {
					t.Errorf("%d are lost, and %d gaps were told", lost, n)
				}
				if tt.name != "nothing" && lost == 0 {
					t.Error("nothing was lost: the test says nothing")
				}
				t.Logf("%d lost, %d gaps", lost, gaps.count())
			})
		})
	}
}
