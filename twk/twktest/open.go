package twktest

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// Open sends r with client and returns its response as a Stream, which is closed
// at the end of the test. It fails the test if no response header arrives within
// [Wait]. A client of nil is http.DefaultClient; its Timeout must be zero, as it
// would cut the stream.
//
// A status other than 200 is not a failure, but such a stream has no events, as
// for the Datastar client, and ends with an error that holds status and body.
//
// If r has an Accept-Encoding of its own, a gzip response is decoded as browsers
// do: the end of the response without a gzip trailer is a clean end, and data
// after the first gzip member is an error.
func Open(t testing.TB, client *http.Client, r *http.Request) *Stream {
	t.Helper()
	if client == nil {
		client = http.DefaultClient
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := newStream(t, r, cancel)
	bound := time.AfterFunc(Wait, cancel)
	res, err := client.Do(r.WithContext(ctx))
	if !bound.Stop() {
		if err == nil {
			res.Body.Close()
		}
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel()
		t.Fatalf("twktest: %s: no response: %v", s.name, err)
	}
	s.begin(res)
	go func() {
		defer cancel()
		err := s.read(res)
		res.Body.Close()
		s.end(err)
	}()
	t.Cleanup(s.Close)
	return s
}
