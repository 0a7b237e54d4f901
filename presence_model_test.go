package sfere_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
)

// TestPresenceModel runs random comings and goings, with callbacks that are held up
// now and then, against a model. Whoever applies the callbacks to the list of the
// beginning always has the list, and it is right when there is nothing to tell.
func TestPresenceModel(t *testing.T) {
	const grace = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(rt *rapid.T) {
			r := newRig(t, setup{hub: sse.HubOptions{Heartbeat: -1}})
			m := &presenceModel{rig: r, grace: grace, tabs: map[string][]*client{}, left: map[string]time.Time{}}
			for range rapid.IntRange(0, 3).Draw(rt, "there already") {
				m.open(rt)
			}
			m.begin(rt)
			defer m.end()
			rt.Repeat(map[string]func(*rapid.T){
				"": m.check, "open": m.open, "leave": m.leave, "close": m.closeKey,
				"advance": m.advance, "hold up": m.holdUp, "go on": m.goOn,
			})
		})
	})
}

type presenceModel struct {
	*rig
	grace time.Duration
	w     *sfere.Presence

	tabs map[string][]*client // by id
	left map[string]time.Time // of those without a stream, who may come back

	mu   sync.Mutex      // guards the fields below
	gate chan struct{}   // callbacks wait for it; nil: they do not
	list []sfere.Visitor // what the callbacks made of the list of the beginning
	errs []string        // of callbacks
}

func (m *presenceModel) begin(rt *rapid.T) {
	call := func(apply func(v sfere.Visitor)) func(sfere.Visitor) {
		return func(v sfere.Visitor) {
			m.mu.Lock()
			gate := m.gate
			apply(v)
			there, seq := m.w.List()
			if diff := cmp.Diff(m.list, there); diff != "" || seq != v.Seq {
				m.errs = append(m.errs, fmt.Sprintf("in call %d the list is as of %d (-want +got):\n%s", v.Seq, seq, diff))
			}
			m.mu.Unlock()
			if gate != nil {
				<-gate
			}
		}
	}
	w, err := m.conns.Watch(sfere.Category("lobby"), &sfere.PresenceOptions{
		Grace:  m.grace,
		Joined: call(func(v sfere.Visitor) { m.list = append(m.list, v) }),
		Left: call(func(v sfere.Visitor) {
			i := slices.IndexFunc(m.list, func(o sfere.Visitor) bool { return o.Key == v.Key })
			if i < 0 {
				m.errs = append(m.errs, fmt.Sprintf("%v left and was not there", v.Key))
				return
			}
			m.list = slices.Delete(m.list, i, i+1)
		}),
	})
	if err != nil {
		rt.Fatal(err)
	}
	m.w = w
	m.list, _ = w.List()
	clear(m.left)
}

func (m *presenceModel) drawID(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "id")
}

func (m *presenceModel) open(rt *rapid.T) {
	k := m.drawID(rt)
	m.tabs[k] = append(m.tabs[k], m.visit(id(k)))
	synctest.Wait()
}

func (m *presenceModel) leave(rt *rapid.T) {
	k := m.drawID(rt)
	if len(m.tabs[k]) == 0 {
		rt.Skip("nobody")
	}
	m.tabs[k][0].close()
	if m.tabs[k] = m.tabs[k][1:]; len(m.tabs[k]) == 0 {
		m.left[k] = time.Now()
	}
}

func (m *presenceModel) closeKey(rt *rapid.T) {
	k := m.drawID(rt)
	if len(m.tabs[k]) > 0 {
		delete(m.left, k)
	}
	m.dispatch(sfere.Close{To: sfere.Exactly(key(k))})
	m.tabs[k] = nil
}

func (m *presenceModel) advance(rt *rapid.T) {
	time.Sleep(time.Duration(rapid.IntRange(1, 4).Draw(rt, "seconds")) * time.Second)
	synctest.Wait()
}

func (m *presenceModel) holdUp(rt *rapid.T) {
	if m.gate != nil {
		rt.Skip("it is")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gate = make(chan struct{})
}

func (m *presenceModel) goOn(rt *rapid.T) {
	if m.gate == nil {
		rt.Skip("it does")
	}
	m.mu.Lock()
	close(m.gate)
	m.gate = nil
	m.mu.Unlock()
	synctest.Wait()
}

func (m *presenceModel) check(rt *rapid.T) {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.errs) > 0 {
		rt.Fatal(m.errs)
	}
	there, seq := m.w.List()
	if diff := cmp.Diff(m.list, there); diff != "" {
		rt.Fatalf("the callbacks and the list (-callbacks +list of change %d):\n%s", seq, diff)
	}
	if !slices.IsSortedFunc(there, func(a, b sfere.Visitor) int { return a.Since.Compare(b.Since) }) {
		rt.Fatalf("not in the order of arrival: %v", there)
	}
	if m.gate != nil {
		return
	}
	want, got := map[string]bool{}, map[string]bool{}
	for k, tabs := range m.tabs {
		if left, ok := m.left[k]; len(tabs) > 0 || ok && time.Since(left) < m.grace {
			want[k] = true
		}
	}
	for _, v := range there {
		got[v.Key.ID] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("who is there (-want +got):\n%s", diff)
	}
	if queued, known := m.w.Pending(); queued != 0 || known > 4 {
		rt.Fatalf("%d changes of %d keys are left", queued, known)
	}
}

func (m *presenceModel) end() {
	if m.gate != nil {
		close(m.gate)
	}
	m.w.Stop()
	for _, tabs := range m.tabs {
		for _, c := range tabs {
			c.close()
		}
	}
	m.conns.Close()
	synctest.Wait()
}
