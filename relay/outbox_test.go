package relay

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a relay whose links block in Publish.
type stuck struct {
	Relay
	open chan struct{}
}

type stuckLink struct {
	Link
	open chan struct{}
}

func (s stuck) Connect(ctx context.Context, to Receiver) (Link, error) {
	l, err := s.Relay.Connect(ctx, to)
	return stuckLink{l, s.open}, err
}

func (l stuckLink) Publish(p Packet) error {
	<-l.open
	return l.Link.Publish(p)
}

func (l stuckLink) Close(ctx context.Context) error {
	select {
	case <-l.open:
	default:
		close(l.open)
	}
	return l.Link.Close(ctx)
}

// A relay that hangs holds up nobody: what waits is bounded, and what was refused is a
// gap for the others.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		open := make(chan struct{})
		a := joinT(t, stuck{bus, open}, "a", func(o *Options) { o.QueueBytes = 64 << 10 })
		b := joinT(t, bus, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		text := strings.Repeat("x", 1000)
		var err error
		n := 0
		for ; err == nil && n < 1000; n++ {
			_, err = a.Send(Envelope{To: acme, Body: Refresh{Topic: text}})
		}
		failing(t, "sending into a full queue", err, ErrFull)
		if got := a.Stats().QueueBytes; got > 64<<10+1<<10 {
			t.Errorf("%d bytes wait", got)
		}
		close(open)
		time.Sleep(2 * time.Second)
		got := b.take()
		if len(got) != n || got[len(got)-1] != "gap acme [skipped]" {
			t.Errorf("%d were taken and %d things arrived; the last is %.30q", n-1, len(got), got[len(got)-1])
		}
	})
}

func TestCloseOfAHangingRelayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		a := joinT(t, stuck{NewMemory(nil), open}, "a", nil)
		if err := a.Subscribe(acme); err != nil { // nor does a stream that opens wait
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := a.Close(ctx)
		failing(t, "closing", err, context.DeadlineExceeded)
		_, err = a.Send(Envelope{Body: Admit{}})
		failing(t, "sending", err, ErrClosed)
		_, err = a.Ask(t.Context(), Sent{}, nil)
		if err != nil {
			t.Errorf("asking nobody: %v", err)
		}
		failing(t, "subscribing", a.Subscribe(acme), ErrClosed)
		failing(t, "flushing", a.Flush(t.Context()), ErrClosed)
	})
}
