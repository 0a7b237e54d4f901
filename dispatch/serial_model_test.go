package dispatch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
)

// Guarded is the first and the last effect in a Serial: it checks that nobody
// else is in one with the same key.
type Guarded struct {
	Key string `json:"key"`
	In  bool   `json:"in"`
}

func (Guarded) EffectName() string { return "test/guarded" }

// Fork dispatches its lists at the same time and waits for all of them.
type Fork struct {
	Lists []effect.List `json:"lists"`
}

func (Fork) EffectName() string { return "test/fork" }

var ways = []string{"call", "background", "goroutine", "goroutine, background", "detached", "with", "dispatcher", "dispatcher, then background", "background, then dispatcher", "shared"}

// drawProgram draws a list that takes keys in any order, inside those of around.
func drawProgram(t *rapid.T, depth int) effect.List {
	var out effect.List
	for range rapid.IntRange(1, 3).Draw(t, "n") {
		kind := "pause"
		if depth > 0 {
			kind = rapid.SampledFrom([]string{"pause", "serial", "serial", "serial", "group", "batch", "via", "fork"}).Draw(t, "kind")
		}
		switch kind {
		case "pause":
			out = append(out, Pause{rapid.IntRange(0, 3).Draw(t, "ms")})
		case "serial":
			key := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "key")
			inside := append(effect.List{Guarded{key, true}}, drawProgram(t, depth-1)...)
			out = append(out, serial(key, append(inside, Guarded{key, false})...))
		case "group":
			out = append(out, Group{drawProgram(t, depth-1)})
		case "batch":
			out = append(out, effect.Batch{Effects: drawProgram(t, depth-1)})
		case "via":
			out = append(out, Via{rapid.SampledFrom(ways).Draw(t, "way"), drawProgram(t, depth-1)})
		case "fork":
			out = append(out, Fork{[]effect.List{drawProgram(t, depth-1), drawProgram(t, depth-1)}})
		}
	}
	return out
}

// Pause sleeps and so lets others run.
type Pause struct {
	Millis int `json:"millis"`
}

func (Pause) EffectName() string { return "test/pause" }

// expected says how many Pauses of l run and how many Serials are refused, which
// depends on l alone and on nobody else.
func expected(l effect.List, last string, batch bool) (pauses, refused int) {
	for _, item := range l {
		p, r := 0, 0
		switch x := item.(type) {
		case Pause:
			p = 1
		case effect.Serial:
			if batch || x.Key <= last {
				r = 1
			} else {
				p, r = expected(x.Effects, x.Key, false)
			}
		case Group:
			p, r = expected(x.Effects, last, batch)
		case effect.Batch:
			p, r = expected(x.Effects, last, true)
		case Via: // a dispatch of its own
			p, r = expected(x.Effects, last, false)
		case Fork:
			for _, list := range x.Lists {
				lp, lr := expected(list, last, false)
				p, r = p+lp, r+lr
			}
		}
		pauses, refused = pauses+p, refused+r
	}
	return pauses, refused
}

// Whatever keys programs take in whatever order, at the same time, by whatever
// way: they end, no two hold a key at once, and what is refused is the same every
// time. Under synctest a deadlock is a failure.
func TestSerialKeysNeverDeadlock(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		programs := make([]effect.List, rapid.IntRange(2, 5).Draw(rt, "programs"))
		for i := range programs {
			programs[i] = drawProgram(rt, 5)
		}
		var failure string
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			pauses, refused, problems, inside := 0, 0, []string(nil), map[string]bool{}
			d := serialTester(t, nil,
				aroundDispatch("count", func(ctx context.Context, c call, items effect.List, next effect.DispatchFunc[Env]) *effect.Result {
					res := next(ctx, c, items)
					mu.Lock()
					defer mu.Unlock()
					for _, e := range res.Errors {
						if e.Dispatch != res.ID { // of a continuation
							continue
						}
						if refused++; e.Phase != dispatch.PhaseSerial {
							problems = append(problems, e.Error())
						}
					}
					return res
				}),
				effect.Handle("Pause.", func(_ context.Context, _ call, p Pause) (int, error) {
					time.Sleep(time.Duration(p.Millis) * time.Millisecond)
					mu.Lock()
					defer mu.Unlock()
					pauses++
					return 0, nil
				}),
				effect.Handle("Check a key.", func(_ context.Context, _ call, g Guarded) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					if inside[g.Key] == g.In {
						problems = append(problems, fmt.Sprint("two are in ", g.Key))
					}
					inside[g.Key] = g.In
					return 0, nil
				}),
				effect.Handle("Run lists at once.", func(ctx context.Context, c call, f Fork) (int, error) {
					var wg sync.WaitGroup
					for i, list := range f.Lists {
						with := []context.Context{ctx, context.Background()}[i%2]
						wg.Go(func() { c.Dispatch(with, list...) })
					}
					wg.Wait()
					return 0, nil
				}))
			var wg sync.WaitGroup
			wantPauses, wantRefused := 0, 0
			for _, p := range programs {
				wg.Go(func() { d.Dispatch(t.Context(), newEnv(), p...) })
				n, r := expected(p, "", false)
				wantPauses, wantRefused = wantPauses+n, wantRefused+r
			}
			wg.Wait()
			if len(problems) > 0 || pauses != wantPauses || refused != wantRefused {
				failure = fmt.Sprintf("%d pauses, want %d; %d refused, want %d; %q", pauses, wantPauses, refused, wantRefused, problems)
			}
			if held, _ := dispatch.KeysHeld(d); held != 0 {
				failure += fmt.Sprintf("; %d keys are still held", held)
			}
		})
		if failure != "" {
			rt.Fatal(failure)
		}
	})
}
