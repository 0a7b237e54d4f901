package natsrelay

import (
	"cmp"
	"context"
	"errors"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/sfere-go/sfere/relay"
)

// flushWithin bounds a Flush whose context has no deadline.
const flushWithin = 10 * time.Second

// Embedded is a NATS server inside the program, and a relay to it. It is for a program
// that is one binary, and for tests. Its own nodes reach it without the network. It
// keeps nothing, so that losing it loses nothing but what is on its way.
type Embedded struct {
	*Relay
	server *server.Server
}

// EmbeddedOptions adjust an [Embedded]. Zero fields mean the defaults.
type EmbeddedOptions struct {
	Options
	// Host and Port are where programs of other processes connect. Default: a free
	// port of 127.0.0.1. Port -1 is a free one, too.
	Host string
	Port int
	// MaxPayload is the largest size of a packet in bytes. Default 1 MiB.
	MaxPayload int
	// Server changes the options of the server, such as TLS, accounts and routes to
	// others. JetStream is refused: in a rolling deploy it would lose its quorum.
	Server func(*server.Options)
}

// StartEmbedded starts a server and returns when it answers, or with an error when ctx
// ends. The caller must close it, after the nodes on it. nil options mean the defaults.
func StartEmbedded(ctx context.Context, o *EmbeddedOptions) (*Embedded, error) {
	var opts EmbeddedOptions
	if o != nil {
		opts = *o
	}
	so := &server.Options{
		Host: cmp.Or(opts.Host, "127.0.0.1"), Port: cmp.Or(opts.Port, server.RANDOM_PORT),
		MaxPayload: int32(cmp.Or(opts.MaxPayload, 1<<20)),
		NoLog:      true, NoSigs: true,
	}
	if opts.Server != nil {
		opts.Server(so)
	}
	fail := func(err error) (*Embedded, error) { return nil, &Error{Op: "starting a server", Err: err} }
	if so.JetStream {
		return fail(errors.New("JetStream is not for a server inside the program: use servers of their own"))
	}
	s, err := server.NewServer(so)
	if err != nil {
		return fail(err)
	}
	s.Start()
	for !s.ReadyForConnections(50 * time.Millisecond) {
		if ctx.Err() != nil || !s.Running() {
			s.Shutdown()
			s.WaitForShutdown()
			return fail(errors.Join(errors.New("it does not answer"), context.Cause(ctx)))
		}
	}
	r := New(s.ClientURL(), &opts.Options)
	r.inside = s
	e := &Embedded{r, s}
	if !loopback(s.ClientURL()) || so.Cluster.Port != 0 || len(so.Routes) > 0 || so.LeafNode.Port != 0 || len(so.LeafNode.Remotes) > 0 || so.Gateway.Port != 0 {
		r.shared = true
	}
	return e, nil
}

// URL is where other processes connect.
func (e *Embedded) URL() string { return e.server.ClientURL() }

// Port is where other processes connect.
func (e *Embedded) Port() int { return e.server.Addr().(*net.TCPAddr).Port }

// Close stops the server. Nodes that are still on it are cut.
func (e *Embedded) Close() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

var _ relay.Relay = (*Embedded)(nil)
