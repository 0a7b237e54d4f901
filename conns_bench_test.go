package sfere

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
)

// The benchmarks put a crowd of n connections that exist in memory only around
// a few real streams, and compare a Conns with the simplest thing that could
// work: a map from connection to key behind a lock, which is scanned for every
// pattern.

// crowded is a program with a crowd and some live streams.
type crowded struct {
	conns  *Conns
	d      *dispatch.Dispatcher[twk.Session]
	bridge *twk.Bridge[twk.Session]
	scan   *scanned
	leave  []context.CancelFunc
	wg     sync.WaitGroup
}

// scanned is the store that is compared with.
type scanned struct {
	mu   sync.RWMutex
	keys map[*sse.Conn]Key
}

func (s *scanned) matching(p Pattern) (conns []*sse.Conn) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for conn, k := range s.keys {
		if p.Matches(k) {
			conns = append(conns, conn)
		}
	}
	return conns
}

// scanBroadcast is a Broadcast that finds its recipients by a scan.
type scanBroadcast struct {
	To      Pattern     `json:"to"`
	Effects effect.List `json:"effects"`
}

func (scanBroadcast) EffectName() string { return "bench/scan" }

// nowhere is a response that takes everything.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header            { return w.header }
func (nowhere) Write(b []byte) (int, error)      { return len(b), nil }
func (nowhere) WriteHeader(int)                  {}
func (nowhere) Flush()                           {}
func (nowhere) SetWriteDeadline(time.Time) error { return nil }

// newCrowd registers n connections in rooms of 10.
func newCrowd(b *testing.B, n int) *crowded {
	c := &crowded{conns: New(nil), scan: &scanned{keys: map[*sse.Conn]Key{}}}
	ghosts := make([]sse.Conn, n)
	for i := range ghosts {
		k := benchKey(i / 10)
		c.scan.keys[&ghosts[i]] = k
		if _, _, err := c.conns.ask(twk.Call{}, &ghosts[i], ask{k, Join, ""}, nil); err != nil {
			b.Fatal(err)
		}
	}
	c.d = dispatch.Must(dispatch.New(twk.Registry(nil), Registry(c.conns), bench(c)))
	c.bridge = twk.NewBridge(c.d, func(s twk.Session) twk.Session { return s }, &twk.BridgeOptions{
		Hub: sse.NewHub(&sse.HubOptions{Heartbeat: -1, MaxFrames: 1 << 20, MaxBytes: 1 << 30}),
	})
	return c
}

// open starts a real stream and waits until it is held.
func (c *crowded) open(k Key) (leave context.CancelFunc) {
	ctx, leave := context.WithCancel(context.Background())
	req := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	req.Header.Set("Datastar-Request", "true")
	held := make(chan struct{})
	c.wg.Go(func() {
		c.bridge.Handle(func(*twk.Request) twk.Response {
			return Hold(k, twk.Stream(told{heldChan{held}}))
		}).ServeHTTP(nowhere{http.Header{}}, req)
	})
	<-held
	return leave
}

func (c *crowded) openAll(b *testing.B, n int, key func(i int) Key) {
	for i := range n {
		c.leave = append(c.leave, c.open(key(i)))
	}
	held, err := c.conns.Snapshot(Everyone().In("real"))
	if err != nil || len(held) != n {
		b.Fatalf("%d streams, %v", len(held), err)
	}
	s := c.conns.matching(Everyone().In("real"), excluded{})
	defer c.conns.give(s)
	for _, e := range s.entries {
		c.scan.keys[e.conn] = e.firstKey()
	}
}

func (c *crowded) end() {
	for _, leave := range c.leave {
		leave()
	}
	c.wg.Wait()
}

// BenchmarkConnsBroadcast sends one event to 10 or 100 of n connections: from
// the dispatch to the last outbox.
func BenchmarkConnsBroadcast(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		if testing.Short() && n > 100_000 {
			continue
		}
		c := newCrowd(b, n)
		c.openAll(b, 100, func(i int) Key { return Key{"real", fmt.Sprint("c", i%10), "room"} })
		for _, tt := range []struct {
			name string
			to   Pattern
			want int
		}{
			{"10, one key", Exactly(Key{"real", "c3", "room"}), 10},
			{"100, a pattern", Pattern{Is("real"), Any, Is("room")}, 100},
		} {
			effects := effect.List{twk.PatchElements{Elements: twk.HTML(`<p id="m">Hello, everybody</p>`)}}
			run := func(name string, item effect.Data) {
				b.Run(fmt.Sprintf("of=%d/to=%s/%s", n, tt.name, name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if r := ReportOf(c.d.Dispatch(b.Context(), twk.Session{}, item)); r.Delivered != tt.want {
							b.Fatalf("report %+v", r)
						}
					}
				})
			}
			run("index", Broadcast{To: tt.to, Effects: effects})
			run("scan", scanBroadcast{To: tt.to, Effects: effects})
		}
		c.end()
	}
}

// BenchmarkConnsMatching finds 100 of 100 000 connections.
func BenchmarkConnsMatching(b *testing.B) {
	c := newCrowd(b, 100_000)
	p := Pattern{Is("s1"), Any, Is("r7")} // ten rooms of 10
	b.Run("100 of 100000/index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s := c.conns.matching(p, excluded{})
			if len(s.entries) != 100 {
				b.Fatalf("%d matches", len(s.entries))
			}
			c.conns.give(s)
		}
	})
	b.Run("100 of 100000/scan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if conns := c.scan.matching(p); len(conns) != 100 {
				b.Fatalf("%d matches", len(conns))
			}
		}
	})
}

// BenchmarkConnsOpenClose opens and closes one stream while 100 000 others are
// held: the whole way through the bridge, and the part that is the store's. A
// scan needs all of them to find the key of a stream that ends, if it has not
// been kept with the stream; the plain map below has.
func BenchmarkConnsOpenClose(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		c := newCrowd(b, n)
		k := benchKey(0)
		b.Run(fmt.Sprintf("live=%d/stream", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.open(k)()
				c.wg.Wait()
			}
		})
		b.Run(fmt.Sprintf("live=%d/register and remove", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				conn := new(sse.Conn)
				if _, _, err := c.conns.ask(twk.Call{}, conn, ask{k, Join, ""}, nil); err != nil {
					b.Fatal(err)
				}
				c.conns.entryOf(conn).Closed(conn, sse.CauseClient)
			}
		})
		b.Run(fmt.Sprintf("live=%d/map", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				conn := new(sse.Conn)
				c.scan.mu.Lock()
				c.scan.keys[conn] = k
				c.scan.mu.Unlock()
				c.scan.mu.Lock()
				delete(c.scan.keys, conn)
				c.scan.mu.Unlock()
			}
		})
		b.Run(fmt.Sprintf("live=%d/map, found by a scan", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				conn := new(sse.Conn)
				c.scan.mu.Lock()
				c.scan.keys[conn] = k
				c.scan.mu.Unlock()
				c.scan.mu.Lock()
				for other := range c.scan.keys { // as the original does
					if other == conn {
						delete(c.scan.keys, other)
						break
					}
				}
				c.scan.mu.Unlock()
			}
		})
		c.end()
	}
}

// BenchmarkTTLTouch is what a write costs on top in a store with a sliding time.
func BenchmarkTTLTouch(b *testing.B) {
	store := NewTTL(&TTLOptions{MaxSize: -1})
	defer store.Close()
	leases := make([]Lease, 100_000)
	for i := range leases {
		leases[i], _, _ = store.Add(&entry{}, nil)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		leases[i*7919%len(leases)].Touch()
	}
}

// told is an effect that tells a benchmark that a stream is held.
type told struct{ Held heldChan }

func (told) EffectName() string { return "bench/told" }

// heldChan is hidden from checks of effect data, which refuse channels.
type heldChan struct{ c chan struct{} }

func (heldChan) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// bench returns the effects of the benchmarks.
func bench(c *crowded) registry.Registry[twk.Session] {
	return registry.New("bench",
		effect.Handle("Say that the stream is held.", func(_ context.Context, _ twk.Call, t told) (struct{}, error) {
			close(t.Held.c)
			return struct{}{}, nil
		}),
		effect.Handle("Broadcast by a scan.", func(ctx context.Context, call twk.Call, s scanBroadcast) (Report, error) {
			found := &snapshot{}
			for _, conn := range c.scan.matching(s.To) {
				found.entries = append(found.entries, indexed{c.conns.entryOf(conn), conn})
			}
			return c.conns.deliver(ctx, call, s.To, found, s.Effects, false, nil), nil
		}),
	)
}
