package sfere_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// own is markup that asks who gets it.
type ownEffect struct{}

func (ownEffect) Render(ctx context.Context, w io.Writer) error {
	r, _ := sfere.RecipientOf(ctx)
	_, err := io.WriteString(w, `<b id="own">`+r.Key.ID+`</b>`)
	return err
}

// What cannot be run on other machines is an error of the sender that names it; it is
// run here, and nothing is sent.
func TestClusterPortable(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		effects      effect.List
		want         string // in the error; empty: it reaches the other node
	}{
		{"content for each", "a component cannot travel", effect.List{twk.PatchElements{Elements: twk.PerRecipient(ownEffect{})}}, "twk/patch-elements: the field elements is a"},
		{"content that asks", "nor can one that is found out to ask", effect.List{tell("x"), twk.PatchElements{Elements: ownEffect{}}}, "the field elements is a"},
		{"content inside", "wherever it is", effect.List{effect.Batch{Effects: effect.List{twk.PatchElements{Elements: ownEffect{}}}}}, "the field elements is a"},
		{"not allowed", "an effect that the program has not named", effect.List{do{"nothing"}}, "test/do may not come from another machine: name it in Options.FromRelay"},
		{"not allowed inside", "wherever it is", effect.List{effect.Batch{Effects: effect.List{do{"nothing"}}}}, "test/do may not come"},
		{"markup", "text can travel", effect.List{effect.Batch{Effects: effect.List{twk.PatchElements{Elements: twk.HTML(`<b id="x">y</b>`)}}}}, ""},
		{"placeholder", "it is asked there", effect.List{twk.PatchSignals{Late: map[string]effect.Late[any]{"me": effect.Later[any](sfere.OwnKey{Part: "id"})}}}, ""},
		{"shared content", "it travels as what it has made", effect.List{twk.PatchElements{Elements: twk.Node(plain{})}}, ""},
		{"named", "an effect that the program has named", effect.List{mine{Text: "x"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inCluster(t, memoryBus, 2, setup{opts: sfere.Options{FromRelay: []effect.Data{mine{}}}}, func(t *testing.T, _ relay.Relay, rs []*rig) {
				rs[0].fn("nothing", func(context.Context, twk.Call) error { return nil })
				here, there := rs[0].visit("id=here"), rs[1].visit("id=there")
				settle()
				res := rs[0].d.Dispatch(t.Context(), app{}, sfere.Broadcast{To: sfere.Category("lobby"), Effects: tt.effects, Report: "cluster"})
				settle()
				rep, err := sfere.ReportOf(res), res.Err()
				got := fmt.Sprint(err)
				switch {
				case tt.want == "":
					if err != nil || rep.Delivered != 2 || !strings.Contains(there.text(), "there") && tt.name == "placeholder" {
						t.Errorf("%s: error %v, report %+v, got %q", tt.reason, err, rep, there.text())
					}
					if len(there.text()) < len("event: x")*2 {
						t.Errorf("%s: got %q", tt.reason, there.text())
					}
				case !strings.Contains(got, tt.want) || !strings.Contains(fmt.Sprint(rep.Relay), tt.want):
					t.Errorf("%s: error %v, want one that says %q; report %v", tt.reason, err, tt.want, rep.Relay)
				case rep.Delivered != 1 || there.texts() != "hello":
					t.Errorf("%s: report %+v, the other got %q", tt.reason, rep, there.texts())
				}
				here.leave()
				there.leave()
			})
		})
	}
}

type plain struct{}

func (plain) Render(w io.Writer) error { _, err := io.WriteString(w, `<b id="x">y</b>`); return err }

// What the sender lets pass and a node does not allow is told apart from what is lost.
func TestClusterReport(t *testing.T) {
	allow := sfere.Options{FromRelay: []effect.Data{mine{}}}
	for _, tt := range []struct {
		name, reason string
		second       sfere.Options
		before       func(f *relay.Faulty)
		broadcast    sfere.Broadcast
		want         sfere.Report
		silent       string
	}{
		{"local", "the default does not wait for anybody", allow, nil, sfere.Tell(sfere.Category("lobby"), tell("x")), sfere.Report{Matched: 1, Delivered: 1}, ""},
		{"cluster", "all nodes are added up", allow, nil, sfere.Broadcast{Effects: effect.List{tell("x")}, Report: "cluster"}, sfere.Report{Matched: 3, Delivered: 3}, ""},
		{"for each", "what takes a while is waited for", allow, nil, sfere.Broadcast{Effects: effect.List{mine{Text: "x", Slow: true}}, Report: "cluster"}, sfere.Report{Matched: 3, Delivered: 3}, ""},
		{"refused", "a node that does not allow the effect has failed, and is not silent", sfere.Options{}, nil, sfere.Broadcast{Effects: effect.List{mine{Text: "x"}}, Report: "cluster"}, sfere.Report{Matched: 3, Delivered: 1, Failed: 2}, ""},
		{"silent", "who does not answer has got nothing, as far as anybody knows", allow, func(f *relay.Faulty) { f.Cut(1, 0) }, sfere.Broadcast{Effects: effect.List{tell("x")}, Report: "cluster"}, sfere.Report{Matched: 1, Delivered: 1}, "b "},
		{"lost", "a loss is not counted as delivered", allow, func(f *relay.Faulty) { f.Cut(0, 1) }, sfere.Broadcast{Effects: effect.List{tell("x")}, Report: "cluster"}, sfere.Report{Matched: 1, Delivered: 1}, "b "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := relay.NewFaulty(relay.NewMemory(nil), nil)
				tt.second.Node = &relay.Options{}
				rs := joinRigs(t, f, 1, setup{opts: allow})
				tt.second.Relay, tt.second.Node = f, nodeOptions(1, nil)
				two := newRig(t, setup{opts: tt.second})
				if err := two.conns.JoinRelay(t.Context()); err != nil {
					t.Fatal(err)
				}
				rs = append(rs, two)
				clients := []*client{rs[0].visit("id=a"), two.visit("id=b&tab=b"), two.visit("id=cc&tab=cc")}
				settle()
				if tt.before != nil {
					tt.before(f)
				}
				tt.broadcast.To = sfere.Category("lobby")
				rep := sfere.ReportOf(rs[0].dispatch(tt.broadcast))
				silent := strings.Join(rep.Silent, ",")
				rep.Silent = nil
				if tt.name == "refused" {
					if len(rep.Failures) != 1 || rep.Failures[0].Count != 2 || !strings.Contains(rep.Failures[0].Err.Error(), "own/mine") && !strings.Contains(rep.Failures[0].Err.Error(), "test/mine") {
						t.Errorf("%s: failures %v", tt.reason, rep.Failures)
					}
					if len(rep.Unreached) != 1 || !strings.Contains(rep.Unreached[0].Reason, "test/mine") {
						t.Errorf("%s: unreached are %v", tt.reason, rep.Unreached)
					}
					rep.Failures, rep.Unreached = nil, nil
				}
				if diff := cmp.Diff(tt.want, rep); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
				if !strings.HasPrefix(silent, tt.silent) || tt.silent == "" && silent != "" {
					t.Errorf("%s: silent are %q, want %q", tt.reason, silent, tt.silent)
				}
				for _, c := range clients {
					c.close()
				}
				for _, r := range rs {
					r.conns.Close()
				}
				synctest.Wait()
			})
		})
	}
}

// The order of a room is that of its broadcasts, also where some of them take a while.
func TestClusterOrder(t *testing.T) {
	t.Parallel()
	inCluster(t, memoryBus, 2, setup{opts: sfere.Options{FromRelay: []effect.Data{mine{}}}}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		var all []*client
		for i := range 4 {
			all = append(all, rs[i%2].visit(fmt.Sprintf("id=p%d&tab=%s", i, strings.Repeat("x", i+1))))
		}
		settle()
		var want []string
		for i := range 50 {
			if i%3 == 1 {
				rs[0].dispatch(sfere.Tell(sfere.Category("lobby"), mine{Text: fmt.Sprint(i), Slow: true}))
			} else {
				rs[0].dispatch(sfere.Tell(sfere.Category("lobby"), tell(fmt.Sprint(i))))
			}
			want = append(want, fmt.Sprint(i))
		}
		time.Sleep(5 * time.Second)
		for i, c := range all {
			got := strings.Fields(strings.ReplaceAll(c.texts(), " of "+strings.Repeat("x", i+1), ""))
			if diff := cmp.Diff(append([]string{"hello"}, want...), got); diff != "" {
				t.Errorf("stream %d (-want +got):\n%s", i, diff)
			}
			c.leave()
		}
	})
}

// Broadcasts that run at the same time on one machine have one order, here and there.
func TestClusterOneOrder(t *testing.T) {
	t.Parallel()
	inCluster(t, memoryBus, 2, setup{opts: sfere.Options{FromRelay: []effect.Data{mine{}}}}, func(t *testing.T, _ relay.Relay, rs []*rig) {
		var all []*client
		for i := range 4 {
			all = append(all, rs[i%2].visit(fmt.Sprintf("id=p%d&tab=t", i)))
		}
		settle()
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 40 {
					text := fmt.Sprintf("%d-%d", w, i)
					if (w+i)%5 == 0 {
						rs[0].dispatch(sfere.Tell(sfere.Category("lobby"), mine{Text: text}))
					} else {
						rs[0].dispatch(sfere.Tell(sfere.Category("lobby"), tell(text)))
					}
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Second)
		first := all[0].texts()
		if n := strings.Count(first, "-"); n != 8*40 {
			t.Errorf("%d arrived", n)
		}
		for i, c := range all {
			if diff := cmp.Diff(strings.Fields(first), strings.Fields(c.texts())); diff != "" {
				t.Errorf("stream %d (-first +this):\n%s", i, diff)
			}
			c.leave()
		}
	})
}
