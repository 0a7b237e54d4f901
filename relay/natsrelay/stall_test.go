package natsrelay

import (
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sfere-go/sfere/relay"
)

// stalling is the network: when it stalls, no byte can be written any more.
type stalling struct{ stalls atomic.Bool }

func (s *stalling) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return &stallingConn{Conn: c, of: s}, err
}

type stallingConn struct {
	net.Conn
	of *stalling
}

func (c *stallingConn) Write(p []byte) (int, error) {
	if c.of.stalls.Load() { // as when the buffer of the socket is full, and time is over
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Write(p)
}

// A connection into which nothing can be written is lost as soon as that is known.
// nats.go alone drops what it could not write, waits with the next packet as long again,
// and holds up its own questions whether the server is there.
func TestStalledConnectionIsLost(t *testing.T) {
	for _, c := range []struct {
		reason string
		dialer bool
	}{
		{"a dialer of the program's own", true},
		{"the dialer of nats.go", false},
	} {
		server, wires := start(t, nil), &stalling{}
		r := New(server.URL(), &Options{Connect: []nats.Option{nats.SetCustomDialer(wires)}})
		if !c.dialer {
			r.opts.Connect, r.dial = nil, wires.Dial
		}
		r.pingEvery = time.Hour
		events := make(chan relay.Event, 64)
		l, err := r.Connect(t.Context(), relay.Receiver{Packet: func(relay.Packet) {}, Event: func(e relay.Event) { events <- e }})
		if err != nil {
			t.Fatal(err)
		}
		wires.stalls.Store(true)
		for limit, lost := time.Now().Add(20*time.Second), false; !lost; {
			_ = l.Publish(relay.Packet{Subject: "x", Data: []byte("hello")})
			select {
			case e := <-events:
				lost = e == relay.Lost
			case <-time.After(time.Millisecond):
				if time.Now().After(limit) {
					t.Fatalf("%s: nobody was told that the connection is dead", c.reason)
				}
			}
		}
		wires.stalls.Store(false)
		if e := <-events; e != relay.Back {
			t.Errorf("%s: then %s, want %s", c.reason, e, relay.Back)
		}
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
