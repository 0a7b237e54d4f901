package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// inMemory runs f with a counter without a network, in a bubble where time is free.
func inMemory(t *testing.T, f func(t *testing.T, app *sfere.App[twk.Session])) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		app := newApp(twk.Client{})
		t.Cleanup(app.Conns().Close) // after the streams of f
		f(t, app)
	})
}

func click(t *testing.T, app *sfere.App[twk.Session]) {
	if err := twktest.Serve(t, app, twktest.HTTPRequest("POST", "/click", nil)).Ended(); err != nil {
		t.Error(err)
	}
}

// shows returns what a page ends with after the events that it has.
func shows(s *twktest.Stream) (last string) {
	for _, e := range s.Pending() {
		last = e.Fields()["elements"]
	}
	return last
}

// What an open page shows is what a new one shows.
func TestCounter(t *testing.T) {
	inMemory(t, func(t *testing.T, app *sfere.App[twk.Session]) {
		live := twktest.Serve(t, app, twktest.HTTPRequest("GET", "/live", nil))
		for n := range 3 {
			time.Sleep(time.Second)
			want := fmt.Sprintf(`<b id="sum">%d</b>`, n)
			if got := shows(live); got != want {
				t.Errorf("an open page shows %q, want %q", got, want)
			}
			page := httptest.NewRecorder()
			app.ServeHTTP(page, httptest.NewRequest("GET", "/", nil))
			if got := page.Body.String(); !strings.HasSuffix(got, want) {
				t.Errorf("a new page is %s, want %q", got, want)
			}
			click(t, app)
		}
	})
}

// The number that a page ends with is the sum, however many click at once and
// whoever opens a page meanwhile.
func TestCounterConverges(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	const clicks = 16
	for range rounds {
		inMemory(t, func(t *testing.T, app *sfere.App[twk.Session]) {
			var mu sync.Mutex
			var streams []*twktest.Stream
			open := func() {
				s := twktest.Serve(t, app, twktest.HTTPRequest("GET", "/live", nil))
				mu.Lock()
				defer mu.Unlock()
				streams = append(streams, s)
			}
			for range 4 {
				open()
			}
			var all sync.WaitGroup
			for range clicks {
				all.Go(func() { click(t, app) })
				all.Go(open)
			}
			all.Wait()
			time.Sleep(time.Second)
			for _, s := range streams {
				if diff := cmp.Diff(fmt.Sprintf(`<b id="sum">%d</b>`, clicks), shows(s)); diff != "" {
					t.Fatal("a page ends with another sum (-want +got):\n", diff)
				}
			}
		})
	}
}
