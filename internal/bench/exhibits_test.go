//go:build unix

package bench

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// interval is the least time between two renders of a value, the default of views.
const interval = 100 * time.Millisecond

// valueOf returns the value that a request asks for.
func valueOf(r *http.Request) int {
	v, _ := strconv.Atoi(r.URL.Query().Get("topic"))
	return v
}

// Views of the exhibits. A portrait is rendered for each stream.
type (
	painting struct{ ID int }
	portrait struct{ ID int }
)

// idle does nothing.
type idle struct{}

func (idle) EffectName() string { return "bench/idle" }

func (painting) EffectName() string      { return "bench/painting" }
func (portrait) EffectName() string      { return "bench/portrait" }
func (p painting) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("painting", p.ID)} }
func (p portrait) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("portrait", p.ID)} }

// museum is the subject under test: a program with a view.
type museum struct {
	http.Handler
	conns  *sfere.Conns
	d      *dispatch.Dispatcher[session]
	topics []sfere.Topic
}

// newMuseum returns a museum of paintings; with own, value 0 is a portrait.
func newMuseum(s *studio, own bool) *museum {
	m := &museum{conns: sfere.New(nil)}
	lift := func(s *session) *twk.Session { return &s.Session }
	m.d = dispatch.Must(dispatch.New(registry.Lift(twk.Registry(nil), lift), registry.Lift(sfere.Registry(m.conns), lift),
		registry.New("bench",
			effect.Handle("Do nothing.", func(context.Context, effect.Call[session], idle) (struct{}, error) { return struct{}{}, nil }),
			sfere.View[session]("A painting.", func(_ context.Context, p painting) (twk.Content, error) {
				return twk.HTML(s.render(p.ID)), nil
			}, nil),
			sfere.OwnView("A portrait.", func(_ context.Context, _ effect.Call[session], p portrait) (twk.Content, error) {
				return twk.HTML(s.render(p.ID)), nil
			}, nil),
		)))
	for v := range s.state {
		m.topics = append(m.topics, sfere.T(map[bool]string{false: "painting", true: "portrait"}[own && v == 0], v))
	}
	bridge := twk.NewBridge(m.d, func(s twk.Session) session { return session{s} }, nil)
	m.Handler = bridge.Handle(func(r *twk.Request) twk.Response {
		v := valueOf(r.Request)
		var shown effect.Data = painting{v}
		if own && v == 0 {
			shown = portrait{v}
		}
		return sfere.Hold(sfere.ID("room", strconv.Itoa(v)), twk.Stream(sfere.Show{Views: effect.List{shown}}))
	})
	return m
}

func (m *museum) changed(v int) { m.refresh(m.topics[v]) }

func (m *museum) refresh(t sfere.Topic) {
	if err := m.d.Dispatch(context.Background(), session{}, sfere.Refresh{Topic: t}).Err(); err != nil {
		panic(err)
	}
}

func (m *museum) close() { m.conns.Close() }

// caller sends what it is told to as plain broadcasts, and renders nothing.
type caller struct {
	*app
	s *studio
}

func newCaller(s *studio) *caller { return &caller{newApp(nil, nil), s} }

func (c *caller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The first paint, so that the crowd knows that it is there.
	_, _ = w.Write(event(nil, c.s.markup(0, 0)))
	_ = http.NewResponseController(w).Flush()
	c.app.ServeHTTP(w, request("bench/room/"+strconv.Itoa(valueOf(r))).WithContext(r.Context()))
}

func (c *caller) changed(v int) {
	c.broadcast("bench/room/"+strconv.Itoa(v), c.s.markup(v, c.s.state[v].Load()))
}

func (c *caller) close() {}

// eachFloor is what one writes first: every stream renders for itself when it hears
// of a change, through a channel of 1.
type eachFloor struct {
	s *studio
	rooms[chan struct{}]
}

func (f *eachFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := valueOf(r)
	begin(w)
	dirty := make(chan struct{}, 1)
	dirty <- struct{}{}
	f.add(strconv.Itoa(v), dirty)
	for {
		select {
		case <-r.Context().Done():
			return
		case <-dirty:
			_, _ = w.Write(event(nil, f.s.render(v)))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (f *eachFloor) changed(v int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, dirty := range f.m[strconv.Itoa(v)] {
		select {
		case dirty <- struct{}{}:
		default:
		}
	}
}

func (f *eachFloor) close() {}

// onceFloor is what one writes next: a goroutine for each value renders once in an
// interval, and puts the event into the channel of 1 of each stream, instead of an
// older one.
type onceFloor struct {
	s *studio
	rooms[*easel]
	dirty []chan struct{}
	stop  chan struct{}
	ended sync.WaitGroup
}

// easel is one stream.
type easel struct {
	event chan []byte
	gone  <-chan struct{}
}

func newOnceFloor(s *studio) *onceFloor {
	f := &onceFloor{s: s, stop: make(chan struct{})}
	for v := range s.state {
		dirty := make(chan struct{}, 1)
		f.dirty = append(f.dirty, dirty)
		f.ended.Go(func() { f.show(v, dirty) })
	}
	return f
}

func (f *onceFloor) show(v int, dirty chan struct{}) {
	for {
		select {
		case <-f.stop:
			return
		case <-dirty:
		}
		next := time.After(interval)
		b := event(nil, f.s.render(v))
		f.mu.Lock()
		all := f.m[strconv.Itoa(v)]
		left := all[:0]
		for _, e := range all {
			select {
			case <-e.gone:
				continue
			case <-e.event:
			default:
			}
			e.event <- b // nobody else puts anything in
			left = append(left, e)
		}
		clear(all[len(left):])
		if f.m != nil {
			f.m[strconv.Itoa(v)] = left
		}
		f.mu.Unlock()
		select {
		case <-f.stop:
			return
		case <-next:
		}
	}
}

func (f *onceFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := valueOf(r)
	begin(w)
	e := &easel{make(chan []byte, 1), r.Context().Done()}
	f.add(strconv.Itoa(v), e)
	f.changed(v)
	for {
		select {
		case <-r.Context().Done():
			return
		case b := <-e.event:
			_, _ = w.Write(b)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func (f *onceFloor) changed(v int) {
	select {
	case f.dirty[v] <- struct{}{}:
	default:
	}
}

func (f *onceFloor) close() {
	close(f.stop)
	f.ended.Wait()
}
