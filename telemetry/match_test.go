package telemetry_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// model is what the metrics should say.
type model map[string]float64

func (m model) add(n float64, names ...string) {
	for _, name := range names {
		m[name] += n
	}
}

func (m model) effect(name, outcome string) { m.add(1, "sfere.effect.count{"+name+","+outcome+"}") }

func (m model) failed(name, phase string) {
	m.add(1, "sfere.effect.count{"+phase+","+name+",failed}") // by name of the attributes
}

// broadcast is one that matches n streams.
func (m model) broadcast(mode string, n int, bytes, failed float64) {
	set := "{" + mode + ",local}"
	m.add(1, "sfere.broadcast.duration"+set, "sfere.broadcast.fan_out"+set)
	m.add(float64(n), "sfere.broadcast.fan_out"+set+" sum")
	m.add(bytes, "sfere.broadcast.size"+set)
	if n > 0 {
		m.add(failed*float64(n), "sfere.broadcast.streams{failed}")
		m.add((1-failed)*float64(n), "sfere.broadcast.streams{delivered}")
	}
}

// A random program runs, and every counter is what has happened.
func TestMetricsMatchWhatHappened(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) { randomProgram(t, seed) })
	}
}

func randomProgram(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	p := newProgram(t, &sfere.AppOptions{Hub: &sse.HubOptions{Heartbeat: -1}})
	want := model{}
	dispatches := 0.0
	var live []*twktest.Stream
	users := map[*twktest.Stream]string{}
	event := func(m string) float64 {
		f, err := sse.NewFrame(sse.Event{Type: "datastar-patch-elements", Data: strings.Split(m, "\n")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return float64(f.Len() + 1) // frames of Datastar end with one line more
	}
	log := event("selector body\nmode append\nelements <script data-effect=\"el.remove()\">console.log(\"hi\")</script>")
	everybody := sfere.Category("room")
	for range 150 {
		n := len(live)
		switch k := rng.IntN(12); {
		case k < 2 || n == 0:
			user := fmt.Sprint("u", rng.IntN(5))
			s := p.join(user)
			live, users[s] = append(live, s), user
			dispatches += 2
			want.effect("sfere/hold", "ok")
			want.effect("twk/console-log", "ok")
			want.add(1, "sfere.stream.opened{long}")
		case k == 2:
			i := rng.IntN(n)
			s := live[i]
			live = append(live[:i:i], live[i+1:]...)
			s.Close()
			synctest.Wait()
			dispatches++
			want.effect("twk/sse-closed", "ok")
			want.add(1, "left")
		case k == 3:
			twktest.Serve(t, p.app, twktest.HTTPRequest("POST", "/do", nil))
			synctest.Wait()
			dispatches += 2
			want.effect("twk/console-log", "ok")
			want.effect("twk/sse-closed", "ok")
			want.add(1, "sfere.stream.opened{short}", "sfere.stream.closed{done,short}")
		case k == 4:
			p.do(effect.Raw{Effect: fmt.Sprint("no/such-", rng.IntN(100))}, Fail{})
			dispatches++
			want.failed("unknown", "lookup")
			want.failed("test/fail", "effect")
		case k == 5:
			p.do(Inner{})
			dispatches++
			want.failed("test/fail", "effect")
			want.failed("test/inner", "effect")
		case k == 6:
			p.do(Later{})
			dispatches++
			want.effect("test/later", "ok")
			(<-p.later)()
			dispatches++
			want.effect("sfere/broadcast", "ok")
			want.effect("twk/console-log", "ok")
			want.broadcast("shared", n, log+3, 0) // "later" is three bytes longer than "hi"
		case k == 7:
			p.do(sfere.Broadcast{To: everybody, Effects: effect.List{twk.ConsoleLog{Message: "hi"}}, Each: true})
			dispatches++
			want.effect("sfere/broadcast", "ok")
			for range n {
				want.effect("twk/console-log", "ok")
			}
			want.broadcast("each", n, 0, 0)
		case k == 8:
			p.do(sfere.Tell(everybody, Fail{}))
			dispatches++
			want.effect("sfere/broadcast", "ok")
			for range n {
				want.failed("test/fail", "effect")
			}
			want.broadcast("each", n, 0, 1)
		case k == 9:
			user := users[live[rng.IntN(n)]]
			p.do(sfere.Send(sfere.ID("room", user), sfere.Show{Views: effect.List{Board{1}}}))
			synctest.Wait()
			time.Sleep(time.Minute)
			dispatches++
			want.effect("sfere/with-connection", "ok")
			same := 0
			for _, l := range live {
				if users[l] == user {
					same++
					want.effect("sfere/show", "ok")
					want.effect("test/board", "ok")
				}
			}
			want.broadcast("each", same, 0, 0)
		case k == 10:
			p.app.Dispatch(cancelled(), twk.ConsoleLog{Message: "nobody"}, effect.Raw{Effect: "from/outside"})
			dispatches++
			want.failed("twk/console-log", "cancel")
			want.effect("unknown", "skipped")
		default:
			p.do(sfere.Tell(everybody, twk.ConsoleLog{Message: "hi"}))
			dispatches++
			want.effect("sfere/broadcast", "ok")
			want.effect("twk/console-log", "ok")
			want.broadcast("shared", n, log, 0)
		}
	}
	synctest.Wait()
	time.Sleep(time.Minute)
	got := p.metrics()
	want.add(dispatches, "sfere.dispatch.duration")
	want.add(float64(len(live)), "sfere.stream.count{long}", "sfere.connection.count")
	stats := p.app.Hub().Stats()
	want.add(float64(stats.Frames), "sfere.frame.written")
	want.add(float64(stats.Bytes), "sfere.stream.io")
	for _, cause := range []string{"write", "client"} { // whichever is noticed first
		name := "sfere.stream.closed{" + cause + ",long}"
		got["left"] += got[name]
		delete(got, name)
	}
	for name := range got {
		if strings.HasPrefix(name, "sfere.view.") || strings.HasPrefix(name, "sfere.write.") || strings.HasPrefix(name, "sfere.relay.") || got[name] == 0 {
			delete(got, name)
		}
	}
	for name, v := range want {
		if v == 0 {
			delete(want, name)
		}
	}
	if diff := cmp.Diff(map[string]float64(want), got); diff != "" {
		t.Errorf("seed %d (-want +got):\n%s", seed, diff)
	}
}
