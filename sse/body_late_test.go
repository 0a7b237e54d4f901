package sse_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk/twktest"
)

// lateBody sets its deadline and reads only when the answer has ended.
type lateBody struct {
	io.ReadCloser
	rc *http.ResponseController
}

func (b *lateBody) Read(p []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	_ = b.rc.SetReadDeadline(time.Now().Add(time.Hour))
	return b.ReadCloser.Read(p)
}

// Whoever reads what nobody wants may be late to begin, on a busy machine. The answer
// ends all the same.
func TestAnswerEndsBeforeItsBodyIsRead(t *testing.T) {
	hub := sse.NewHub(nil)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &lateBody{r.Body, http.NewResponseController(w)}
		_ = hub.Serve(w, r, &sse.ServeOptions{Short: true}, func(ctx context.Context, c *sse.Conn) error { return nil })
	}))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), twktest.Wait)
	defer cancel()
	body, never := io.Pipe()
	defer never.Close()
	r, err := http.NewRequestWithContext(ctx, "POST", srv.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 10
	res, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
}
