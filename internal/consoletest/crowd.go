package consoletest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Crowd opens n streams that have no sockets, under default/lobby/p0000000 and so
// on, and returns when they are held. They end with the test.
func (p *Program) Crowd(t testing.TB, n int) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() { leave(); all.Wait() })
	before, err := p.Conns.Count(sfere.Everyone())
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("/sse/p%07d", before+i), nil)
		r.Header.Set("Datastar-Request", "true")
		all.Go(func() { p.srv.Config.Handler.ServeHTTP(nowhere{http.Header{}}, r) })
	}
	for end := time.Now().Add(twktest.Wait * time.Duration(1+n/1000)); ; time.Sleep(time.Millisecond) {
		switch now, err := p.Conns.Count(sfere.Everyone()); {
		case err != nil:
			t.Fatal(err)
		case now == before+n:
			return
		case time.Now().After(end):
			t.Fatalf("%d of %d streams are held", now-before, n)
		}
	}
}

// nowhere is a response that takes everything.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header            { return w.header }
func (nowhere) Write(b []byte) (int, error)      { return len(b), nil }
func (nowhere) WriteHeader(int)                  {}
func (nowhere) Flush()                           {}
func (nowhere) SetWriteDeadline(time.Time) error { return nil }
