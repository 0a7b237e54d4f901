package telemetry

import (
	"go.opentelemetry.io/otel/metric"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
)

// read adds what is known of the relay of c.
func read(sum *relay.Stats, states map[relay.State]int64, c *sfere.Conns) {
}

func (t *Telemetry) relay(to metric.Observer, s relay.Stats, states map[relay.State]int64) {
	i := &t.made
	to.ObserveInt64(i.relaySent, int64(s.Sent))
	to.ObserveInt64(i.relayReceived, int64(s.Received))
	to.ObserveInt64(i.relayUseless, int64(s.Useless))
	to.ObserveInt64(i.relayRefused, int64(s.Refused))
	to.ObserveInt64(i.relayFailed, int64(s.Failed))
	to.ObserveInt64(i.relayGaps, int64(s.Gaps))
	to.ObserveInt64(i.relayQueue, int64(s.QueueBytes))
	for state, n := range states {
		to.ObserveInt64(i.nodes, n, metric.WithAttributes(attrState.String(string(state))))
	}
}
