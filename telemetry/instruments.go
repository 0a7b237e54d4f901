package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The attributes.
const (
	attrKind    = attribute.Key("sfere.stream.kind")    // long, short
	attrCause   = attribute.Key("sfere.stream.cause")   // why it ended
	attrLoss    = attribute.Key("sfere.frame.loss")     // dropped, replaced
	attrEffect  = attribute.Key("sfere.effect.name")    // as it is registered
	attrView    = attribute.Key("sfere.view.name")      // as it is registered
	attrOutcome = attribute.Key("sfere.outcome")        // what has become of it
	attrError   = attribute.Key("error.type")           // the phase of a dispatch
	attrOrigin  = attribute.Key("sfere.origin")         // local, remote
	attrMode    = attribute.Key("sfere.broadcast.mode") // shared, each
	attrGap     = attribute.Key("sfere.gap.cause")      // why messages may have been missed
	attrState   = attribute.Key("sfere.node.state")     // live, suspect, down
)

// instruments are all that there is. What is counted by others is read when somebody asks.
type instruments struct {
	// streams
	streams, behind, queued, waiting metric.Int64ObservableUpDownCounter
	opened, closed, frames, lost     metric.Int64ObservableCounter
	bytes                            metric.Int64ObservableCounter
	write                            metric.Float64Histogram

	// broadcasts
	sent, fanOut metric.Float64Histogram
	size         metric.Int64ObservableCounter
	reached      metric.Int64ObservableCounter

	// dispatches
	dispatch metric.Float64Histogram
	effects  metric.Int64ObservableCounter

	// connections and views
	held                 metric.Int64ObservableUpDownCounter
	render               metric.Float64Histogram
	refreshed, collected metric.Int64Counter

	// relay
	relaySent, relayReceived, relayUseless, relayRefused, relayFailed metric.Int64ObservableCounter
	hop                                                               metric.Float64Histogram
	gaps                                                              metric.Int64Counter
	relayQueue, nodes, present                                        metric.Int64ObservableUpDownCounter
}

// The bounds of histograms: the defaults are for milliseconds.
var (
	quick  = []float64{1e-6, 5e-6, 10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	crowds = []float64{0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000}
)

// make makes the instruments.
func (i *instruments) make(m *maker) {
	i.streams = m.gauge("sfere.stream.count", "{stream}", "Streams that are open.")
	i.behind = m.gauge("sfere.stream.behind", "{stream}", "Streams with a write that has taken more than 250 ms so far.")
	i.queued = m.gauge("sfere.outbox.frames", "{frame}", "Frames that wait in outboxes.")
	i.waiting = m.gauge("sfere.outbox.size", "By", "Bytes that wait in outboxes.")
	i.opened = m.counter("sfere.stream.opened", "{stream}", "Streams that have opened, refused ones included.")
	i.closed = m.counter("sfere.stream.closed", "{stream}", "Streams that have ended, by why.")
	i.frames = m.counter("sfere.frame.written", "{frame}", "Frames that were written, heartbeats included.")
	i.bytes = m.counter("sfere.stream.io", "By", "Bytes that were written, as they went over the wire.")
	i.lost = m.counter("sfere.frame.lost", "{frame}", "Frames that did not reach a stream: dropped, or replaced by a newer one.")
	i.write = m.histogram("sfere.write.duration", "s", "Time that a writer took to write without a pause, to 256 streams at most.", quick)

	i.sent = m.histogram("sfere.broadcast.duration", "s", "Time that a broadcast took until all its frames were in outboxes.", quick)
	i.fanOut = m.histogram("sfere.broadcast.fan_out", "{stream}", "Streams that a broadcast matched.", crowds)
	i.size = m.counter("sfere.broadcast.size", "By", "Bytes of the events of broadcasts that were the same for everybody, once for each broadcast.")
	i.reached = m.counter("sfere.broadcast.streams", "{stream}", "Streams that broadcasts matched, by what became of it.")

	i.dispatch = m.histogram("sfere.dispatch.duration", "s", "Time that a dispatch from outside took.", quick)
	i.effects = m.counter("sfere.effect.count", "{effect}", "Effects that have run, by name and outcome.")

	i.held = m.gauge("sfere.connection.count", "{connection}", "Streams that are held under keys.")
	i.render = m.histogram("sfere.view.render.duration", "s", "Time that a render of a view took, by what became of it.", quick)
	i.refreshed = m.added("sfere.view.refreshed", "{value}", "Values of views that a refresh concerned.")
	i.collected = m.added("sfere.view.collected", "{value}", "Values of them that were waiting to be rendered already.")

	i.relaySent = m.counter("sfere.relay.sent", "{packet}", "Packets that were given to the relay.")
	i.relayReceived = m.counter("sfere.relay.received", "{packet}", "Packets that came from the relay.")
	i.relayUseless = m.counter("sfere.relay.useless", "{packet}", "Packets of them for addresses that nobody here has.")
	i.relayRefused = m.counter("sfere.relay.refused", "{packet}", "Packets of them that were refused.")
	i.relayFailed = m.counter("sfere.relay.failed", "{packet}", "Packets that could not be given to the relay.")
	i.hop = m.histogram("sfere.relay.hop", "s", "Time from the sending of a message by another machine to its arrival here, by their two clocks.", quick)
	i.gaps = m.added("sfere.relay.gaps", "{gap}", "Times that messages may have been missed, by why.")
	i.relayQueue = m.gauge("sfere.relay.queue", "By", "Bytes that wait to be sent to other machines.")
	i.present = m.gauge("sfere.presence.entries", "{entry}", "Entries of the presence of other machines that are kept here.")
	i.nodes = m.gauge("sfere.node.count", "{node}", "Machines on the relay, this one included, by how they are doing.")
}

// maker makes instruments and collects the errors.
type maker struct {
	metric.Meter
	observed []metric.Observable
	errs     []error
}

func (m *maker) note(o metric.Observable, err error) {
	m.errs = append(m.errs, err)
	m.observed = append(m.observed, o)
}

func (m *maker) gauge(name, unit, text string) metric.Int64ObservableUpDownCounter {
	g, err := m.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(g, err)
	return g
}

func (m *maker) counter(name, unit, text string) metric.Int64ObservableCounter {
	c, err := m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.note(c, err)
	return c
}

func (m *maker) added(name, unit, text string) metric.Int64Counter {
	c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
	m.errs = append(m.errs, err)
	return c
}

func (m *maker) histogram(name, unit, text string, bounds []float64) metric.Float64Histogram {
	h, err := m.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(text), metric.WithExplicitBucketBoundaries(bounds...))
	m.errs = append(m.errs, err)
	return h
}
