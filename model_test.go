package sfere_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sfere-go/sfere/sse"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sferetest"
	"github.com/sfere-go/sfere/twk"
)

// TestModel runs random sequences of operations against real streams in memory
// and against a model that is a list, and compares them after each step.
func TestModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			m := newModel(t, rt)
			defer m.end()
			rt.Repeat(map[string]func(*rapid.T){
				"":          m.check,
				"open":      m.open,
				"opening":   m.opening,
				"opened":    m.opened,
				"crowd":     m.crowd,
				"hold":      m.hold,
				"broadcast": m.broadcast,
				"close":     m.closeMatching,
				"leave":     m.leave,
				"break":     m.breakOff,
				"touch":     m.touch,
				"advance":   m.advance,
			})
		})
	})
}

// timeless hides the deadline of a test, which a bubble has none of.
type timeless struct{ testing.TB }

// tab is what the model knows of one stream.
type tab struct {
	name   string
	client *client
	conn   *sse.Conn
	call   twk.Call
	user   string      // the scope of its request
	keys   []sfere.Key // empty: not held
	ends   time.Time   // of its lease
	open   bool
	broken bool // writes to it fail

	shows  []*burst // what it has to show, in this order
	behind []*burst // what others have sent while it opens; it follows the first effects
	gate   chan struct{}
	goOn   func() // closes gate
	opens  bool   // its first effects are waiting for gate
	whole  bool   // it has ended, and must have shown everything
}

type model struct {
	*rig
	rt    *rapid.T
	clock *sferetest.Clock
	ttl   sfere.TTLOptions
	store *sfere.TTL
	keep  bool

	tabs []*tab // in the order in which they were opened
	n    int
	want []string // removals that must have been told since the last check
}

const modelTTL = time.Minute

func newModel(t *testing.T, rt *rapid.T) *model {
	m := &model{rt: rt, clock: sferetest.NewClock()}
	m.ttl = sfere.TTLOptions{
		TTL: modelTTL, Clock: m.clock, MaxSize: rapid.IntRange(2, 5).Draw(rt, "size"),
		Fixed:       rapid.Bool().Draw(rt, "fixed"),
		EvictOldest: rapid.Bool().Draw(rt, "evict oldest"),
	}
	m.keep = rapid.Bool().Draw(rt, "keep evicted")
	m.store = sfere.NewTTL(&m.ttl)
	m.rig = newRig(t, setup{
		store: m.store, hub: sse.HubOptions{Heartbeat: -1},
		opts: sfere.Options{KeepEvicted: m.keep, Scope: func(r *twk.Request) (string, error) { return r.URL.Query().Get("user"), nil }},
	})
	return m
}

// end closes everything, so that nothing is left in the bubble.
func (m *model) end() {
	for _, x := range m.tabs {
		x.client.close()
	}
	m.conns.Close()
	synctest.Wait()
}

var (
	modelScopes   = []string{"s", "t"}
	modelIDs      = []string{"a", "b", "c"}
	modelPolicies = []sfere.Policy{sfere.Join, sfere.Replace, sfere.Reject, sfere.Reuse}
	modelPatterns = []sfere.Pattern{
		sfere.Everyone(), sfere.Category("lobby").In("s"), sfere.Exactly(sfere.ID("lobby", "a").In("t")),
		{Scope: sfere.Any, Category: sfere.Any, ID: sfere.Is("b")}, sfere.Category("nowhere").AllScopes(),
	}
	// modelUnscoped are the patterns that mean the scope of whoever sends.
	modelUnscoped = []sfere.Pattern{sfere.Category("lobby"), sfere.Exactly(sfere.ID("lobby", "a")), {Category: sfere.Any, ID: sfere.Any}}
)

func (m *model) drawKey(rt *rapid.T) sfere.Key {
	return sfere.ID("lobby", rapid.SampledFrom(modelIDs).Draw(rt, "id")).In(rapid.SampledFrom(modelScopes).Draw(rt, "scope"))
}

func drawPolicy(rt *rapid.T) sfere.Policy { return rapid.SampledFrom(modelPolicies).Draw(rt, "policy") }

// drawTab draws a stream for which ok holds; without one the step is skipped.
func (m *model) drawTab(rt *rapid.T, ok func(*tab) bool) *tab {
	some := slices.DeleteFunc(slices.Clone(m.tabs), func(x *tab) bool { return !ok(x) })
	if len(some) == 0 {
		rt.Skip("nobody")
	}
	return rapid.SampledFrom(some).Draw(rt, "stream")
}

func (x *tab) matches(p sfere.Pattern) bool { return slices.ContainsFunc(x.keys, p.Matches) }

// matching returns the held streams that match p, in the order of their age.
func (m *model) matching(p sfere.Pattern) (out []*tab) {
	for _, x := range m.tabs {
		if x.matches(p) {
			out = append(out, x)
		}
	}
	return out
}

// active renews the time of x.
func (m *model) active(x *tab) {
	if !m.ttl.Fixed && len(x.keys) > 0 {
		x.ends = m.clock.Now().Add(modelTTL)
	}
}

// gone takes x out; ends tells whether its stream ends.
func (m *model) gone(x *tab, cause sse.Cause, ends bool) {
	if len(x.keys) > 0 {
		slices.SortFunc(x.keys, func(a, b sfere.Key) int { return strings.Compare(a.String(), b.String()) })
		m.want = append(m.want, fmt.Sprint(x.conn.ID(), x.keys, cause))
	}
	x.keys = nil
	if ends && x.open {
		x.open = false
		x.whole = !x.broken && !cause.Cut() && cause != sse.CauseClient
		m.over(x)
	}
}

// over ends the first effects of x, if they run.
func (m *model) over(x *tab) {
	if x.opens {
		x.opens = false
		x.goOn()
	}
	x.shows = append(x.shows, x.behind...)
	x.behind = nil
}

// receives tells that b is sent to x by somebody else, or by itself.
func (m *model) receives(x *tab, b *burst, itself bool) {
	if x.opens && !itself { // nothing is written yet
		x.behind = append(x.behind, b)
		return
	}
	x.shows = append(x.shows, b)
	if x.broken {
		m.gone(x, sse.CauseWrite, true)
		return
	}
	m.active(x)
}

// ask is a key that a stream wants.
type ask struct {
	key    sfere.Key
	policy sfere.Policy
}

// admit is what the policies and the store make of a stream that wants all of asks
// or nothing. It returns the status of a refusal, or the stream to use instead.
// Until it is clear that nothing refuses the stream, nobody has left.
func (m *model) admit(x *tab, asks []ask, fails bool) (status int, instead *tab) {
	var older []*tab
	var got []sfere.Key
	for _, a := range asks {
		if slices.Contains(got, a.key) {
			continue
		}
		present := m.matching(sfere.Exactly(a.key))
		present = slices.DeleteFunc(present, func(y *tab) bool { return slices.Contains(older, y) })
		if len(present) > 0 {
			switch a.policy {
			case sfere.Reuse:
				m.active(present[0])
				if instead == nil {
					instead = present[0]
				}
				continue
			case sfere.Reject:
				status = cmp.Or(status, http.StatusConflict)
				continue
			case sfere.Replace:
				older = append(older, present...)
			}
		}
		got = append(got, a.key)
	}
	switch {
	case status != 0:
		return status, nil
	case fails:
		return http.StatusInternalServerError, nil
	case instead != nil:
		return http.StatusNoContent, instead
	}
	if len(x.keys) == 0 { // it needs a place
		held := m.matching(sfere.Everyone())
		held = slices.DeleteFunc(held, func(y *tab) bool { return slices.Contains(older, y) })
		if len(held) >= m.ttl.MaxSize {
			if !m.ttl.EvictOldest {
				return http.StatusServiceUnavailable, nil
			}
			m.evict(held)
		}
		x.ends = m.clock.Now().Add(modelTTL)
	}
	for _, y := range older {
		m.gone(y, sfere.CauseReplaced, true)
	}
	x.keys = append(x.keys, got...)
	return 0, nil
}

// evict takes out the stream that would end first. Several may have the same
// deadline; then any of them will do, and the real store says which.
func (m *model) evict(held []*tab) {
	first := slices.MinFunc(held, func(a, b *tab) int { return a.ends.Compare(b.ends) }).ends
	for _, x := range held {
		if x.ends.Equal(first) && m.conns.KeysOf(x.conn) == nil {
			m.gone(x, sse.CauseSize, !m.keep)
			return
		}
	}
	m.rt.Fatalf("no stream whose time ends first made room")
}

// open opens a stream that wants up to three keys, and fails at times for a reason
// that comes after them.
func (m *model) open(rt *rapid.T) {
	m.n++
	x := m.newTab(rt)
	asks := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) ask {
		return ask{m.drawKey(rt), drawPolicy(rt)}
	}), 1, 3).Draw(rt, "asks")
	var open effect.List
	for _, a := range asks {
		k := a.key
		if k.Scope == x.user {
			k.Scope = ""
		}
		open = append(open, sfere.HoldStream{Key: k, Policy: a.policy})
	}
	fails := rapid.IntRange(0, 4).Draw(rt, "fails") == 0
	if fails {
		open = append(open, m.fn("fail", func(context.Context, twk.Call) error { return errors.New("a guard") }))
	}
	x.client = m.serve(newWriter(), x.query(), func(*twk.Request) twk.Response {
		return twk.Stream(tell("hello"), do{x.name}).WithOpen(open...)
	})
	synctest.Wait()
	status, instead := m.admit(x, asks, fails)
	if status != 0 {
		<-x.client.left
		if instead != nil {
			m.receives(instead, said("hello"), false)
		}
		// Whether a writer finds out in time that a stream is dead is up to chance.
		got := x.client.status
		if got != status && !(instead != nil && instead.broken && got == http.StatusGone) {
			rt.Fatalf("status %d, want %d", got, status)
		}
		return
	}
	x.open = true
	m.tabs = append(m.tabs, x)
	m.receives(x, said("hello"), true)
}

// newTab returns a stream that is to be opened.
func (m *model) newTab(rt *rapid.T) *tab {
	x := &tab{name: fmt.Sprint("tab", m.n), user: rapid.SampledFrom(modelScopes).Draw(rt, "user"), gate: make(chan struct{})}
	x.goOn = sync.OnceFunc(func() { close(x.gate) })
	m.fn(x.name, func(_ context.Context, call twk.Call) error {
		x.conn, x.call = call.Ctx().Conn, call
		return nil
	})
	return x
}

func (x *tab) query() string { return "user=" + x.user + "&tab=" + x.name }

// hold gives a live stream another key, or tries to after its end.
func (m *model) hold(rt *rapid.T) {
	x := m.drawTab(rt, func(*tab) bool { return true })
	k, policy := m.drawKey(rt), drawPolicy(rt)
	res := x.call.Dispatch(context.Background(), sfere.HoldStream{Key: k, Policy: policy})
	if !x.open {
		if !errors.Is(res.Err(), sse.ErrClosed) {
			rt.Fatalf("holding a closed stream: %v", res.Err())
		}
		return
	}
	if slices.Contains(x.keys, k) {
		if res.Err() != nil {
			rt.Fatalf("holding again under the same key: %v", res.Err())
		}
		return
	}
	status, instead := m.admit(x, []ask{{k, policy}}, false)
	other, reused := effect.Value[twk.Reuse](res)
	switch {
	case instead != nil:
		if !reused || other.Conn != instead.conn {
			rt.Fatalf("reuse gave %v, %v", other, res.Err())
		}
	case status != 0:
		if res.Err() == nil || sse.StatusOf(res.Err()) != status {
			rt.Fatalf("error %v, want status %d", res.Err(), status)
		}
	case res.Err() != nil:
		rt.Fatalf("error %v", res.Err())
	}
}

func (m *model) closeMatching(rt *rapid.T) {
	p := rapid.SampledFrom(modelPatterns).Draw(rt, "pattern")
	cause := rapid.SampledFrom([]sse.Cause{sse.CauseClosed, "own"}).Draw(rt, "cause")
	var r sfere.Report
	if cause == sse.CauseClosed && rapid.Bool().Draw(rt, "purge") {
		r, _ = m.conns.Purge(p)
	} else {
		r = sfere.ReportOf(m.dispatch(sfere.Close{To: p, Cause: cause}))
	}
	all := m.matching(p)
	if diff := gocmp.Diff(sfere.Report{Matched: len(all), Delivered: len(all)}, r); diff != "" {
		rt.Fatalf("report (-want +got):\n%s", diff)
	}
	for _, x := range all {
		m.gone(x, cause, true)
	}
}

func (m *model) leave(rt *rapid.T) {
	x := m.drawTab(rt, func(x *tab) bool { return x.open })
	x.client.close()
	x.open = false
	cause := sse.CauseClient
	if x.broken && len(x.behind) > 0 { // its first effects end, and what has waited for that is written
		cause = sse.CauseWrite
	}
	m.gone(x, cause, true)
	m.over(x)
}

func (m *model) breakOff(rt *rapid.T) {
	x := m.drawTab(rt, func(x *tab) bool { return x.open })
	x.broken = true
	x.client.mu.Lock()
	defer x.client.mu.Unlock()
	x.client.fail = true
}

func (m *model) touch(rt *rapid.T) {
	k := m.drawKey(rt)
	n := m.conns.Touch(k)
	all := m.matching(sfere.Exactly(k))
	if n != len(all) {
		rt.Fatalf("touched %d, want %d", n, len(all))
	}
	for _, x := range all {
		m.active(x)
	}
}

func (m *model) advance(rt *rapid.T) {
	m.clock.Advance(time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second)
	for _, x := range m.tabs {
		if len(x.keys) > 0 && !x.ends.After(m.clock.Now()) {
			m.gone(x, sse.CauseExpired, !m.keep)
		}
	}
}
