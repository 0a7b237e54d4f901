package gzipcast

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// receiver decodes one stream as a client would, event by event.
type receiver struct {
	stream Stream
	wire   wire
	zr     *gzip.Reader
}

// wire is a connection that notices a reader who wants more than was sent.
type wire struct {
	sent []byte
	dry  bool
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.sent) == 0 {
		w.dry = true
		return 0, io.EOF
	}
	n := copy(p, w.sent)
	w.sent = w.sent[n:]
	return n, nil
}

func newReceiver() (*receiver, error) {
	r := &receiver{wire: wire{sent: []byte(Header)}}
	var err error
	r.zr, err = gzip.NewReader(&r.wire)
	return r, err
}

// receive sends e and reports an error unless exactly its payload arrives, from
// the bytes sent so far alone.
func (r *receiver) receive(e *Event) error {
	r.wire.sent = append(r.wire.sent, r.stream.Next(e)...)
	got := make([]byte, len(e.Payload()))
	if _, err := io.ReadFull(r.zr, got); err != nil {
		return fmt.Errorf("reading event: %w", err)
	}
	if !bytes.Equal(got, e.Payload()) {
		return fmt.Errorf("event differs (-want +got):\n%s", cmp.Diff(string(e.Payload()), string(got)))
	}
	if r.wire.dry {
		return errors.New("event arrived only at the end of the stream")
	}
	return nil
}

// close ends the stream and reports an error unless nothing is left in it and
// length and checksum are right.
func (r *receiver) close() error {
	r.wire.sent = r.stream.AppendTrailer(r.wire.sent)
	rest, err := io.ReadAll(r.zr)
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes nobody sent: %q", len(rest), rest)
	}
	if err != nil {
		return fmt.Errorf("end of stream: %w", err)
	}
	return nil
}

func mustReceiver(t *testing.T) *receiver {
	t.Helper()
	r, err := newReceiver()
	if err != nil {
		t.Fatal(err)
	}
	return r
}
