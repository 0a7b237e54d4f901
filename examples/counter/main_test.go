package main

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// A click of one browser shows in another.
func TestCounter(t *testing.T) {
	srv := httptest.NewServer(newApp(twk.Client{}))
	t.Cleanup(srv.Close)
	live := twktest.Open(t, srv.Client(), twktest.HTTPRequest("GET", srv.URL+"/live", nil))
	for _, want := range []string{`<b id="sum">0</b>`, `<b id="sum">1</b>`, `<b id="sum">2</b>`} {
		if got := live.Next().Fields()["elements"]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if err := twktest.Open(t, srv.Client(), twktest.HTTPRequest("POST", srv.URL+"/click", nil)).Ended(); err != nil {
			t.Error(err)
		}
	}
}

// The number that a page ends with is the sum, however many click at once and
// whoever opens a page meanwhile.
func TestCounterConverges(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	const clicks = 16
	for round := range rounds {
		app := newApp(twk.Client{})
		var mu sync.Mutex
		streams := map[*twktest.Stream]string{} // and what they showed first
		open := func() {
			s := twktest.Serve(t, app, twktest.HTTPRequest("GET", "/live", nil))
			first := s.Next().Fields()["elements"] // it is held
			mu.Lock()
			streams[s] = first
			mu.Unlock()
		}
		for range 4 {
			open()
		}
		var wg sync.WaitGroup
		for range clicks {
			wg.Go(func() {
				if err := twktest.Serve(t, app, twktest.HTTPRequest("POST", "/click", nil)).Ended(); err != nil {
					t.Error(err)
				}
			})
			wg.Go(open)
		}
		wg.Wait()
		// One more event for everybody, so that a page need not be waited for.
		app.Dispatch(t.Context(), sfere.Tell(pages, twk.Signals("end", true)))
		for s, last := range streams {
			for {
				f := s.Next().Fields()
				if f["signals"] != "" {
					break
				}
				last = f["elements"]
			}
			if diff := cmp.Diff(fmt.Sprintf(`<b id="sum">%d</b>`, clicks), last); diff != "" {
				t.Fatalf("round %d: a page ends with another sum (-want +got):\n%s", round, diff)
			}
			s.Close()
		}
	}
}
