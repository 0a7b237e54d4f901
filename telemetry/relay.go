package telemetry

import (
	"go.opentelemetry.io/otel/metric"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
)

// bus is what is known of the relay.
type bus struct {
	relay.Stats
	states  map[relay.State]int64
	present int // entries of other machines
}

// read adds what is known of the relay of c.
func (sum *bus) read(c *sfere.Conns) {
	for _, n := range c.Nodes() {
		sum.states[n.State]++
		if s := n.Stats; n.Self && s != nil {
			sum.Sent += s.Sent
			sum.Failed += s.Failed
			sum.Received += s.Received
			sum.Useless += s.Useless
			sum.Refused += s.Refused
			sum.QueueBytes += s.QueueBytes
		}
	}
	for _, n := range c.ClusterPresence() {
		if !n.Self {
			sum.present += n.Keys
		}
	}
}

func (t *Telemetry) relay(to metric.Observer, s bus) {
	i := &t.made
	to.ObserveInt64(i.relaySent, int64(s.Sent))
	to.ObserveInt64(i.relayReceived, int64(s.Received))
	to.ObserveInt64(i.relayUseless, int64(s.Useless))
	to.ObserveInt64(i.relayRefused, int64(s.Refused))
	to.ObserveInt64(i.relayFailed, int64(s.Failed))
	to.ObserveInt64(i.relayQueue, int64(s.QueueBytes))
	to.ObserveInt64(i.present, int64(s.present))
	for state, n := range s.states {
		to.ObserveInt64(i.nodes, n, metric.WithAttributes(attrState.String(string(state))))
	}
}
