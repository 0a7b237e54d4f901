package natsrelay

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/sfere-go/sfere/relay"
)

// link is a connection to NATS. All its subscriptions share one channel, so that
// packets come in the order in which the server sent them, whatever their subjects.
type link struct {
	to      relay.Receiver
	packets chan *nats.Msg
	events  chan relay.Event
	done    chan struct{}
	gone    chan struct{}
	once    sync.Once

	conn    *nats.Conn
	private bool

	mu   sync.Mutex // guards subs; nothing is called under it
	subs map[string]*subscription
}

// subscription is one subject. What happens to it happens in turn: whoever begins
// waits for the one before.
type subscription struct {
	turn  chan struct{} // holds a token while nobody changes it
	sub   *nats.Subscription
	users int // who change it or wait for that; guarded by link.mu
}

func newLink(to relay.Receiver, waiting int) *link {
	l := &link{
		to: to, packets: make(chan *nats.Msg, waiting), events: make(chan relay.Event, 64),
		done: make(chan struct{}), gone: make(chan struct{}), subs: map[string]*subscription{},
	}
	go l.run()
	return l
}

func (l *link) begin(conn *nats.Conn, private bool) { l.conn, l.private = conn, private }

// run calls the receiver.
func (l *link) run() {
	defer close(l.gone)
	for {
		select {
		case m := <-l.packets:
			l.to.Packet(relay.Packet{Subject: m.Subject, Data: m.Data})
		case e := <-l.events:
			l.to.Event(e)
		case <-l.done:
			return
		}
	}
}

func (l *link) happened(e relay.Event) {
	select {
	case l.events <- e:
	case <-l.done:
	}
}

// failed is called by nats.go for what goes wrong without anybody waiting for it.
func (l *link) failed(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		l.happened(relay.Dropped)
		return
	}
	// Such as a permission that the account does not have: what was published is lost,
	// and others see a gap.
	slog.Error("natsrelay: the server or connection reports an error", "error", err)
}

func (l *link) Publish(p relay.Packet) error {
	if err := relay.CheckPacket(p, l.MaxPayload()); err != nil {
		return err
	}
	return translate("publishing", l.conn.Publish(p.Subject, p.Data))
}

// change calls f for a subject, not at the same time as for the same one elsewhere.
func (l *link) change(subject string, f func(s *subscription) error) error {
	l.mu.Lock()
	s := l.subs[subject]
	if s == nil {
		s = &subscription{turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
		l.subs[subject] = s
	}
	s.users++
	l.mu.Unlock()
	<-s.turn
	err := f(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.users--; s.users == 0 && s.sub == nil {
		delete(l.subs, subject)
	}
	s.turn <- struct{}{} // has room
	return err
}

func (l *link) Subscribe(subject string) error {
	if err := relay.CheckPacket(relay.Packet{Subject: subject}, 0); err != nil {
		return err
	}
	return l.change(subject, func(s *subscription) (err error) {
		if s.sub == nil {
			s.sub, err = l.conn.ChanSubscribe(subject, l.packets)
		}
		return translate("subscribing", err)
	})
}

func (l *link) Unsubscribe(subject string) error {
	return l.change(subject, func(s *subscription) (err error) {
		if s.sub != nil {
			err = s.sub.Unsubscribe()
			s.sub = nil
		}
		return translate("unsubscribing", err)
	})
}

func (l *link) Flush(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok { // nats.go wants one
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, flushWithin)
		defer cancel()
	}
	return translate("flushing", l.conn.FlushWithContext(ctx))
}

func (l *link) MaxPayload() int { return int(l.conn.MaxPayload()) }
func (l *link) Private() bool   { return l.private }

func (l *link) Close(ctx context.Context) error {
	var err error
	l.once.Do(func() {
		if l.conn.IsConnected() {
			err = l.Flush(ctx)
		}
		l.conn.Close()
		l.stop()
	})
	<-l.gone
	return err
}

// stop ends the goroutine.
func (l *link) stop() {
	close(l.done)
	<-l.gone
}
