package twk_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// plain is a dispatcher for the effects of this package and nothing else.
func plain(t testing.TB) *dispatch.Dispatcher[twk.Session] {
	t.Helper()
	d, err := dispatch.New(twk.Registry(nil))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wire runs items and returns the bytes that their events have on the wire.
func wire(ctx context.Context, d *dispatch.Dispatcher[twk.Session], items ...effect.Data) ([]byte, error) {
	var out twk.Collector
	res := d.Dispatch(ctx, twk.Session{Out: &out}, items...)
	var b bytes.Buffer
	for _, f := range out.Frames {
		b.Write(f.Bytes())
	}
	return b.Bytes(), res.Err()
}

// one runs an item and returns its only event, read by the independent parser.
func one(t testing.TB, item effect.Data) twktest.Event {
	t.Helper()
	b, err := wire(t.Context(), plain(t), item)
	if err != nil {
		t.Fatal(err)
	}
	events, err := twktest.All(bytes.NewReader(b))
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events and error %v from %q", len(events), err, b)
	}
	if err := events[0].Check(); err != nil {
		t.Error(err)
	}
	return events[0]
}
