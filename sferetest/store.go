// Package sferetest checks stores for live connections, and views ([Render]).
//
//	func TestStore(t *testing.T) {
//		sferetest.Store(t, sferetest.Options{
//			New: func(clock *sferetest.Clock) sfere.Store {
//				return sfere.NewTTL(&sfere.TTLOptions{TTL: time.Minute, MaxSize: 3, Clock: clock})
//			},
//			TTL: time.Minute, Sliding: true, MaxSize: 3,
//		})
//	}
package sferetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
)

// Options say what the store under test promises.
type Options struct {
	// New returns an empty store that takes the time from clock. It is closed at
	// the end of each case.
	New func(clock *Clock) sfere.Store
	// TTL is how long a lease lasts; 0 means for ever.
	TTL time.Duration
	// Sliding tells that Touch renews a lease.
	Sliding bool
	// MaxSize is how many leases there may be; 0 means any number, otherwise at
	// least 3.
	MaxSize int
	// Evicts tells that a full store evicts the lease that would end first,
	// instead of refusing the new one with sfere.ErrFull.
	Evicts bool
}

// Store runs the conformance cases that apply to the store.
func Store(t *testing.T, o Options) {
	t.Helper()
	if o.New == nil || o.MaxSize < 0 || o.MaxSize > 0 && o.MaxSize < 3 {
		t.Fatal("sferetest: Options need New, and a MaxSize of 0 or at least 3")
	}
	for _, c := range cases {
		if c.applies != nil && !c.applies(o) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			clock := NewClock()
			r := &run{T: t, o: o, clock: clock, store: o.New(clock), leases: map[string]sfere.Lease{}}
			defer r.store.Close()
			defer func() {
				if t.Failed() {
					t.Log("why this matters: " + c.explanation)
				}
			}()
			c.run(r)
		})
	}
}

// kase is one promise of a store.
type kase struct {
	name        string
	explanation string
	applies     func(Options) bool // nil: always
	run         func(*run)
}

func limited(o Options) bool { return o.MaxSize > 0 }
func evicts(o Options) bool  { return o.MaxSize > 0 && o.Evicts }
func refuses(o Options) bool { return o.MaxSize > 0 && !o.Evicts }
func expires(o Options) bool { return o.TTL > 0 }
func slides(o Options) bool  { return o.TTL > 0 && o.Sliding }
func fixed(o Options) bool   { return o.TTL > 0 && !o.Sliding }
func forever(o Options) bool { return o.TTL == 0 }
func two(f, g func(Options) bool) func(Options) bool {
	return func(o Options) bool { return f(o) && g(o) }
}

// run is one case that is being run.
type run struct {
	*testing.T
	o      Options
	clock  *Clock
	store  sfere.Store
	leases map[string]sfere.Lease

	mu      sync.Mutex // guards evicted: a store may evict on any goroutine
	evicted []string   // "name cause"
}

type member struct {
	r    *run
	name string
}

// Evict panics for a member whose name says so.
func (m *member) Evict(cause sse.Cause) {
	m.r.mu.Lock()
	defer m.r.mu.Unlock()
	m.r.evicted = append(m.r.evicted, m.name+" "+string(cause))
	if strings.HasPrefix(m.name, "panics") {
		panic(m.name)
	}
}

// advance moves the clock, and fails the test if a panic of a member comes
// through the store.
func (r *run) advance(d time.Duration) {
	r.Helper()
	defer func() {
		if p := recover(); p != nil {
			r.Errorf("the panic of a member came through the store: %v", p)
		}
	}()
	r.clock.Advance(d)
}

// try adds a member and returns the names of its victims.
func (r *run) try(name string, leaving ...string) (victims []string, err error) {
	var out []sfere.Lease
	for _, l := range leaving {
		if l := r.leases[l]; l != nil {
			out = append(out, l)
		}
	}
	l, vs, err := r.store.Add(&member{r, name}, out)
	if err != nil {
		if l != nil || len(vs) > 0 {
			r.Errorf("Add(%s) failed and gave a lease or victims all the same", name)
		}
		return nil, err
	}
	r.leases[name] = l
	for _, v := range vs {
		victims = append(victims, v.(*member).name)
	}
	return victims, nil
}

// add adds a member that has to be taken in without victims.
func (r *run) add(name string, leaving ...string) {
	r.Helper()
	if victims, err := r.try(name, leaving...); err != nil || len(victims) > 0 {
		r.Fatalf("Add(%s) = victims %v, error %v; want neither", name, victims, err)
	}
}

func (r *run) touch(name string) {
	if l := r.leases[name]; l != nil {
		l.Touch()
	}
}

func (r *run) release(name string) {
	if l := r.leases[name]; l != nil {
		l.Release()
	}
}

// want compares the evictions so far, in any order, and forgets them.
func (r *run) want(evicted ...string) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.evicted)
	slices.Sort(evicted)
	if diff := cmp.Diff(evicted, r.evicted); diff != "" {
		r.Errorf("evictions (-want +got):\n%s", diff)
	}
	r.evicted = nil
}

var cases = []kase{
	{
		name: "takes in members", explanation: "Add gives a place to whoever comes, and evicts nobody for that while there is room.",
		run: func(r *run) { r.add("a"); r.add("b"); r.want() },
	}, {
		name: "releases", explanation: "A lease that was released is nobody's: it is not evicted later, and its place is free.",
		run: func(r *run) {
			for range 3 * max(r.o.MaxSize, 3) {
				r.add("a")
				r.release("a")
			}
			r.clock.Advance(10 * r.o.TTL)
			r.want()
		},
	}, {
		name: "releases twice", explanation: "A stream may end on two goroutines at once; the second Release must not free the place of somebody else.",
		applies: refuses,
		run: func(r *run) {
			r.add("a")
			r.release("a")
			for i := range r.o.MaxSize {
				r.add(string(rune('b' + i)))
			}
			r.release("a")
			if _, err := r.try("z"); !errors.Is(err, sfere.ErrFull) {
				r.Errorf("after a second Release, Add to a full store returned %v, want ErrFull", err)
			}
		},
	}, {
		name: "touches what is gone", explanation: "A write may be under way when its stream ends; Touch after Release brings nothing back.",
		run: func(r *run) {
			r.add("a")
			r.release("a")
			r.touch("a")
			r.clock.Advance(10 * r.o.TTL)
			r.want()
		},
	}, {
		name: "keeps for ever", explanation: "Without a time to live no connection is ended for being idle.",
		applies: forever,
		run:     func(r *run) { r.add("a"); r.clock.Advance(1000 * time.Hour); r.want() },
	}, {
		name: "expires", explanation: "A connection without activity ends when its time is over, not earlier, by a timer of the store: nobody has to look.",
		applies: expires,
		run: func(r *run) {
			r.add("a")
			r.clock.Advance(r.o.TTL / 2)
			r.add("b")
			r.clock.Advance(r.o.TTL/2 - 1)
			r.want()
			r.clock.Advance(1)
			r.want("a expired")
			r.clock.Advance(r.o.TTL / 2)
			r.want("b expired")
			r.clock.Advance(10 * r.o.TTL)
			r.want()
		},
	}, {
		name: "starts again after it was empty", explanation: "A timer that is stopped while there is nobody has to be set for the next one.",
		applies: expires,
		run: func(r *run) {
			r.add("a")
			r.clock.Advance(r.o.TTL)
			r.want("a expired")
			r.clock.Advance(3 * r.o.TTL)
			r.add("b")
			r.clock.Advance(r.o.TTL)
			r.want("b expired")
		},
	}, {
		name: "inherits nothing", explanation: "The time belongs to the connection: one that comes in place of another starts anew.",
		applies: expires,
		run: func(r *run) {
			r.add("a")
			r.clock.Advance(r.o.TTL - 1)
			r.add("b", "a")
			r.clock.Advance(r.o.TTL - 1)
			r.want()
			r.clock.Advance(1)
			r.want("b expired")
		},
	}, {
		name: "survives a member that panics", explanation: "What Evict calls is somebody else's code: its panic must neither lock the store nor save the others from their end.",
		applies: expires,
		run: func(r *run) {
			for _, name := range []string{"panics", "a", "panics too"} {
				r.add(name)
			}
			r.advance(r.o.TTL)
			r.want("panics expired", "a expired", "panics too expired")
			r.add("b")
			r.advance(r.o.TTL)
			r.want("b expired")
		},
	}, {
		name: "slides", explanation: "Activity renews the whole time, as often as it comes.",
		applies: slides,
		run: func(r *run) {
			r.add("a")
			r.add("b")
			for range 5 {
				r.clock.Advance(r.o.TTL - 1)
				r.touch("a")
			}
			r.want("b expired")
			r.clock.Advance(r.o.TTL - 1)
			r.want()
			r.clock.Advance(1)
			r.want("a expired")
		},
	}, {
		name: "is fixed", explanation: "With a fixed time activity changes nothing.",
		applies: fixed,
		run: func(r *run) {
			r.add("a")
			r.clock.Advance(r.o.TTL - 1)
			r.touch("a")
			r.clock.Advance(1)
			r.want("a expired")
		},
	}, {
		name: "refuses when full", explanation: "A full store says so with ErrFull, evicts nobody, and has room again when somebody leaves.",
		applies: refuses,
		run: func(r *run) {
			for i := range r.o.MaxSize {
				r.add(string(rune('a' + i)))
			}
			if _, err := r.try("z"); !errors.Is(err, sfere.ErrFull) {
				r.Errorf("Add to a full store returned %v, want ErrFull", err)
			}
			r.release("a")
			r.add("z")
			r.want()
		},
	}, {
		name: "evicts when full", explanation: "The one that would end first makes room. It is returned and not evicted by the store too, which would close it twice.",
		applies: evicts,
		run: func(r *run) {
			for i := range r.o.MaxSize {
				r.add(string(rune('a' + i)))
				r.clock.Advance(1)
			}
			r.touch("a")
			first := "a"
			if r.o.Sliding && r.o.TTL > 0 {
				first = "b"
			}
			victims, err := r.try("z")
			if diff := cmp.Diff([]string{first}, victims); diff != "" || err != nil {
				r.Errorf("Add to a full store: error %v, victims (-want +got):\n%s", err, diff)
			}
			r.want()
		},
	}, {
		name: "gives the place of those who leave", explanation: "A stream that replaces another needs no room beside it, and nobody else is evicted for it.",
		applies: limited,
		run: func(r *run) {
			for i := range r.o.MaxSize {
				r.add(string(rune('a' + i)))
			}
			r.add("z", "b")
			r.add("y", "z", "c")
			r.release("z") // again
			r.add("x")
			r.want()
		},
	}, {
		name: "leaves them alone if it refuses", explanation: "A refused stream replaces nobody, so nothing may have happened to the one that would have left.",
		applies: two(refuses, expires),
		run: func(r *run) {
			r.add("a")
			r.store.Close()
			if _, err := r.try("z", "a"); err == nil {
				r.Error("Add after Close succeeded")
			}
			r.release("a")
		},
	}, {
		name: "closes", explanation: "Close leaves nothing behind that would run later, refuses new members and may be called again.",
		run: func(r *run) {
			r.add("a")
			r.store.Close()
			r.store.Close()
			if n := r.clock.Timers(); n > 0 {
				r.Errorf("%d timers are set after Close", n)
			}
			if _, err := r.try("b"); err == nil {
				r.Error("Add after Close succeeded")
			}
			r.touch("a")
			r.release("a")
			r.clock.Advance(10 * r.o.TTL)
			r.want()
		},
	}, {
		name: "serves many at once", explanation: "All methods may be called from any goroutine; run this with -race.",
		run: func(r *run) {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 100 {
						l, _, err := r.store.Add(&member{r, "m"}, nil)
						if err != nil && !errors.Is(err, sfere.ErrFull) {
							r.Errorf("Add: %v", err)
						}
						if l != nil {
							l.Touch()
							l.Release()
						}
					}
				})
			}
			wg.Go(func() {
				for range 100 {
					r.clock.Advance(r.o.TTL / 10)
				}
			})
			wg.Wait()
		},
	},
}
