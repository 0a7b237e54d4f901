package sfere_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// say adds a line to the list of a room.
type say struct{ Line int }

func (say) EffectName() string { return "test/say" }

var lineOf = regexp.MustCompile(`id="line-(\d+)"`)

// Whoever comes while others speak ends with the whole list, in its order and each
// line once. Reading the list in an effect of the stream that is held is enough,
// without a lock around it, if a line says how it is: it takes its own place.
func TestNewcomersMissNothing(t *testing.T) {
	t.Parallel()
	const newcomers, senders, each = 30, 4, 40
	var mu sync.Mutex
	var lines []int
	line := func(i int) string { return fmt.Sprintf(`<li id="line-%d"></li>`, i) }
	app := hall(registry.New("talk",
		effect.Do("Show the list.", func(ctx context.Context, call effect.Call[guest], _ readThenSend) error {
			mu.Lock()
			all := slices.Clone(lines)
			mu.Unlock()
			markup := ""
			for _, i := range all {
				markup += line(i)
			}
			return call.Dispatch(ctx, twk.Inner("#log", twk.HTML(markup))).Err()
		}),
		effect.Do("Say a line.", func(ctx context.Context, call effect.Call[guest], s say) error {
			mu.Lock()
			lines = append(lines, s.Line)
			mu.Unlock()
			return call.Dispatch(ctx, sfere.Tell(hallAll, twk.Remove(twk.ByID(fmt.Sprint("line-", s.Line))), twk.Append("#log", twk.HTML(line(s.Line))))).Err()
		}),
	))
	app.Handle("GET /page", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.URL.Query().Get("user")), twk.Stream(readThenSend{}))
	})
	streams := make([]*twktest.Stream, newcomers)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for k := range each {
				if err := as(app, "eve", effect.Serial{Key: "talk", Effects: effect.List{say{s*each + k}}}).Err(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range streams {
		wg.Go(func() {
			s := twktest.Serve(t, app, twktest.HTTPRequest("GET", fmt.Sprint("/page?user=u", i), nil))
			streams[i] = s
		})
	}
	wg.Wait()
	for _, s := range streams { // they are held when their first effects run
		s.Response()
	}
	as(app, "eve", sfere.Tell(hallAll, show("end")))
	for i, s := range streams {
		var page []int
		for {
			f := s.Next().Fields()
			if f["signals"] != "" {
				break
			}
			var got []int
			for _, m := range lineOf.FindAllStringSubmatch(f["elements"], -1) {
				var n int
				fmt.Sscan(m[1], &n)
				got = append(got, n)
			}
			switch f["mode"] {
			case "inner":
				page = got
			case "append":
				page = append(page, got...)
			case "remove":
				page = slices.DeleteFunc(page, func(n int) bool { return strings.HasSuffix(f["selector"], fmt.Sprint("line-", n)) })
			default:
				t.Fatalf("%v", f)
			}
		}
		if diff := cmp.Diff(lines, page); diff != "" {
			t.Fatalf("newcomer %d (-want +got):\n%s", i, diff)
		}
	}
}
