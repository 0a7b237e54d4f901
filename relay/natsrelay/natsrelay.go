// Package natsrelay carries a relay over NATS. It uses core NATS only: nothing is
// stored, and there is no quorum to lose in a rolling deploy.
//
//	bus := natsrelay.New("tls://nats-1:4222,tls://nats-2:4222", &natsrelay.Options{
//		Connect: []nats.Option{nats.UserCredentials("web.creds")},
//	})
//	node, err := relay.Join(ctx, bus, &relay.Options{Keys: [][]byte{key}, Receive: receive, Gap: gap})
//
// Whoever may publish below the prefix writes into every browser. Give the account of
// the program publish and subscribe permissions for "sfere.1.>" and nobody else, use
// TLS off loopback, and sign: [relay.Options].Keys. Only a server on this machine that
// is in no cluster counts as private.
package natsrelay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sfere-go/sfere/relay"
)

// Options adjust a [Relay]. Zero fields mean the defaults.
type Options struct {
	// Connect are more options of nats.go, such as credentials and TLS. Those for
	// reconnecting and for what happens then are the relay's own.
	Connect []nats.Option
	// Name is what the server shows the connection as. Default "sfere".
	Name string
	// Waiting is how many packets wait for a slow node before more are dropped.
	// Default 65 536.
	Waiting int
	// ReconnectWait is how long a link waits between attempts, beside jitter. It
	// never gives up. Default 250 ms.
	ReconnectWait time.Duration
}

// writeWithin is how long a write to a server that does not read may take, and with it
// the end of a link.
const writeWithin = 5 * time.Second

// pingEvery is how often a link asks whether the server is there. It gives a connection
// up when two questions have no answer.
const pingEvery = 3 * time.Second

// Relay is a [relay.Relay] over NATS servers. Each link has a connection of its own.
// Make one with [New] or [StartEmbedded].
type Relay struct {
	servers string
	opts    Options
	inside  nats.InProcessConnProvider // nil: over the network
	shared  bool                       // a server inside the program that others reach

	pingEvery time.Duration
	dial      func(network, address string) (net.Conn, error) // nil: as nats.go does
}

var _ relay.Relay = (*Relay)(nil)

// New returns a relay over the servers at one or several URLs, with commas between
// them. It connects to none: nodes do. nil options mean the defaults.
func New(servers string, o *Options) *Relay {
	r := &Relay{servers: servers, pingEvery: pingEvery}
	if o != nil {
		r.opts = *o
	}
	r.opts.Name = cmp.Or(r.opts.Name, "sfere")
	r.opts.Waiting = cmp.Or(r.opts.Waiting, 1<<16)
	r.opts.ReconnectWait = cmp.Or(r.opts.ReconnectWait, 250*time.Millisecond)
	return r
}

// Error is the error type of this package.
type Error struct {
	Op  string // what was being done, such as "connecting"
	Err error
}

// Error returns "natsrelay: doing: cause".
func (e *Error) Error() string { return fmt.Sprintf("natsrelay: %s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Connect implements [relay.Relay]. It fails if no server answers.
func (r *Relay) Connect(ctx context.Context, to relay.Receiver) (relay.Link, error) {
	l := newLink(to, r.opts.Waiting)
	local := r.inside != nil || loopback(r.servers)
	opts := append([]nats.Option{}, r.opts.Connect...)
	opts = append(opts,
		nats.Name(r.opts.Name),
		nats.NoEcho(),
		// A publish while there is no connection fails at once, instead of being kept
		// for a server that it may never reach.
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.FlusherTimeout(writeWithin),
		// A connection that is dead without having ended is found before other nodes
		// take this one for down.
		nats.PingInterval(r.pingEvery),
		nats.MaxPingsOutstanding(2),
		nats.ReconnectWait(r.opts.ReconnectWait),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { l.happened(relay.Lost) }),
		nats.ReconnectHandler(func(c *nats.Conn) {
			// nats.go has sent the subscriptions again; Back says that the server has
			// taken note of them.
			if err := c.FlushTimeout(flushWithin); err == nil || c.IsConnected() {
				l.happened(relay.Back)
			}
		}),
		nats.ErrorHandler(l.failed),
	)
	if local {
		opts = append(opts, nats.IgnoreDiscoveredServers())
	}
	if r.inside != nil {
		opts = append(opts, nats.InProcessServer(r.inside))
	}
	if deadline, ok := ctx.Deadline(); ok {
		opts = append(opts, nats.Timeout(max(time.Until(deadline), time.Millisecond)))
	}
	opts = append(opts, r.dialing)
	conn, err := nats.Connect(r.servers, opts...)
	if err != nil {
		l.stop()
		return nil, &Error{Op: "connecting to " + redacted(r.servers), Err: err}
	}
	l.begin(conn, local && !r.shared && conn.ConnectedClusterName() == "")
	return l, nil
}

// loopback reports whether all servers are on this machine.
func loopback(servers string) bool {
	for s := range strings.SplitSeq(servers, ",") {
		s = strings.TrimSpace(s)
		if !strings.Contains(s, "://") {
			s = "nats://" + s
		}
		u, err := url.Parse(s)
		if err != nil {
			return false
		}
		host := u.Hostname()
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// redacted returns URLs without passwords.
func redacted(servers string) string {
	all := strings.Split(servers, ",")
	for i, s := range all {
		if u, err := url.Parse(strings.TrimSpace(s)); err == nil {
			all[i] = u.Redacted()
		} else {
			all[i] = "a server whose URL cannot be read"
		}
	}
	return strings.Join(all, ",")
}

// translate gives errors of nats.go the names of package relay.
func translate(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		err = errors.Join(relay.ErrTooLarge, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining), errors.Is(err, nats.ErrBadSubscription):
		err = errors.Join(relay.ErrClosed, err)
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionReconnecting), errors.Is(err, nats.ErrDisconnected):
		err = errors.Join(relay.ErrDisconnected, err)
	}
	return &Error{Op: op, Err: err}
}
