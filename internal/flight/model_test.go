package flight_test

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/internal/flight"
)

// At rest everybody who is shown a value sees its last state; nobody sees an older
// one after a newer; a value is rendered once at a time, and not more often than its
// interval says.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		held := rapid.Bool().Draw(rt, "held")
		keep := rapid.Bool().Draw(rt, "keep")
		ops := rapid.SliceOfN(rapid.IntRange(0, 99), 30, 120).Draw(rt, "ops")
		gaps := rapid.SliceOfN(rapid.IntRange(0, 130), len(ops), len(ops)).Draw(rt, "gaps")
		who := rapid.SliceOfN(rapid.IntRange(0, 1000), len(ops), len(ops)).Draw(rt, "who")
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, flight.Options{}, flight.Kind{Held: held, Keep: keep})
			viewers := []*viewer{w.join(t, 0), w.join(t, 1)}
			here := func(i int) *viewer {
				if len(viewers) == 0 {
					return nil
				}
				return viewers[i%len(viewers)]
			}
			n := 0
			for i, op := range ops {
				id := who[i] / 7 % 3
				switch {
				case op < 35: // the state changes, and it is said
					n++
					w.set(id, n)
					if v := find(viewers, id); v != nil {
						w.s.Mark(v.seat.Value(), flight.Mark{})
					}
				case op < 55 && (!held || find(viewers, id) == nil):
					viewers = append(viewers, w.join(t, id))
				case op < 65:
					if v := here(who[i]); v != nil {
						w.leave(v)
						viewers = without(viewers, v)
					}
				case op < 72:
					w.takes(id, time.Duration(who[i]*7%250)*time.Millisecond)
				case op < 77:
					w.fails(id, errNo)
				case op < 84:
					w.fails(id, nil)
				case op < 90:
					if v := here(who[i]); v != nil {
						w.s.Reset(v.seat)
					}
				default:
					if v := here(who[i]); v != nil {
						w.taken(v)
					}
				}
				time.Sleep(time.Duration(gaps[i]) * time.Millisecond)
			}
			for id := range 3 {
				w.fails(id, nil)
			}
			for range 40 { // failed ones are tried again after at most 30 s
				for _, v := range viewers {
					w.taken(v)
				}
				time.Sleep(2 * time.Second)
			}
			synctest.Wait()
			for _, v := range viewers {
				w.mu.Lock()
				want := w.state[v.id]
				w.mu.Unlock()
				if got := v.last(); got != want {
					rt.Errorf("%v: shows %d and the state is %d (held %v, keep %v)", v.id, got, want, held, keep)
				}
			}
			if wrong := w.complaints(); len(wrong) > 0 && !failed(w) {
				rt.Errorf("%v", wrong)
			}
			w.s.Close()
		})
	})
}

// failed reports whether anything failed; what failed is tried again by other rules.
func failed(w *world) bool { return len(w.told()) > 0 }

func find(vs []*viewer, id any) *viewer {
	for _, v := range vs {
		if v.id == id {
			return v
		}
	}
	return nil
}

func without(vs []*viewer, v *viewer) (out []*viewer) {
	for _, x := range vs {
		if x != v {
			out = append(out, x)
		}
	}
	return out
}
