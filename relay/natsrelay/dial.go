package natsrelay

import (
	"net"

	"github.com/nats-io/nats.go"
)

// dialer makes connections that end when a write fails. nats.go ends one only after a
// write that has succeeded in part. After one that could write nothing, because the
// buffer of the socket is full and nobody acknowledges, it drops the bytes and tries the
// next ones for as long, under the lock that its questions whether the server is there
// need, too.
type dialer struct {
	dial    func(network, address string) (net.Conn, error)
	skipTLS bool
}

// dialing is the option for r's links. It comes after all others.
func (r *Relay) dialing(o *nats.Options) error {
	d := dialer{dial: r.dial}
	switch {
	case o.CustomDialer != nil:
		d.dial = o.CustomDialer.Dial
		if s, ok := o.CustomDialer.(interface{ SkipTLSHandshake() bool }); ok {
			d.skipTLS = s.SkipTLSHandshake()
		}
	case d.dial != nil:
	case o.Dialer != nil:
		d.dial = o.Dialer.Dial
	default:
		own := &net.Dialer{Timeout: o.Timeout}
		if o.AllowMultipathTCP != nil {
			own.SetMultipathTCP(*o.AllowMultipathTCP)
		}
		d.dial = own.Dial
	}
	o.CustomDialer = d
	return nil
}

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	c, err := d.dial(network, address)
	if err != nil {
		return nil, err
	}
	return writing{c}, nil
}

// SkipTLSHandshake is asked by nats.go.
func (d dialer) SkipTLSHandshake() bool { return d.skipTLS }

// writing is a connection that a failed write ends.
type writing struct{ net.Conn }

func (w writing) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if err != nil {
		_ = w.Close() // the reader of nats.go notices
	}
	return n, err
}
