package telemetry

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// causes are those that are told apart. Others are of programs, which may put anything
// into them.
var causes = []sse.Cause{
	sse.CauseDone, sse.CauseClient, sse.CauseClosed, sse.CauseSlow, sse.CauseWrite, sse.CausePanic, sse.CauseRefused, sse.CauseExpired,
	sse.CauseSize, sse.CauseShutdown, sfere.CauseReplaced, sfere.CauseKicked, sfere.CauseForfeited,
}

// observe reads what others have counted.
func (t *Telemetry) observe(_ context.Context, to metric.Observer) error {
	t.mu.Lock()
	all := slices.Clone(t.watched)
	t.mu.Unlock()
	var sum sse.Stats
	sum.Closed = map[sse.Cause]sse.Kinds{}
	held := 0
	others := bus{states: map[relay.State]int64{}}
	for _, w := range all {
		if w.hub != nil {
			add(&sum, w.hub.Stats())
		}
		if w.conns == nil {
			continue
		}
		if n, err := w.conns.Count(sfere.Everyone()); err == nil {
			held += n
		}
		others.read(w.conns)
	}
	t.streams(to, sum)
	to.ObserveInt64(t.made.held, int64(held))
	t.relay(to, others)
	t.sent.read(to, &t.made)
	t.counted(to)
	return nil
}

// add adds what another hub has.
func add(sum *sse.Stats, s sse.Stats) {
	plus(&sum.Streams, s.Streams)
	plus(&sum.Opened, s.Opened)
	for cause, k := range s.Closed {
		if !slices.Contains(causes, cause) {
			cause = sse.CauseOther
		}
		of := sum.Closed[cause]
		plus(&of, k)
		sum.Closed[cause] = of
	}
	sum.Frames += s.Frames
	sum.Bytes += s.Bytes
	sum.Dropped += s.Dropped
	sum.Replaced += s.Replaced
	sum.Queued += s.Queued
	sum.Waiting += s.Waiting
	sum.Behind += s.Behind
}

func plus(to *sse.Kinds, k sse.Kinds) {
	to.Long += k.Long
	to.Short += k.Short
}

func (t *Telemetry) streams(to metric.Observer, s sse.Stats) {
	i := &t.made
	long, short := attrKind.String("long"), attrKind.String("short")
	both := func(of metric.Int64Observable, k sse.Kinds, more ...attribute.KeyValue) {
		to.ObserveInt64(of, int64(k.Long), metric.WithAttributes(append(more, long)...))
		to.ObserveInt64(of, int64(k.Short), metric.WithAttributes(append(more, short)...))
	}
	both(i.streams, s.Streams)
	both(i.opened, s.Opened)
	for cause, k := range s.Closed {
		both(i.closed, k, attrCause.String(string(cause)))
	}
	to.ObserveInt64(i.behind, int64(s.Behind))
	to.ObserveInt64(i.queued, int64(s.Queued))
	to.ObserveInt64(i.waiting, int64(s.Waiting))
	to.ObserveInt64(i.frames, int64(s.Frames))
	to.ObserveInt64(i.bytes, int64(s.Bytes))
	to.ObserveInt64(i.lost, int64(s.Dropped), metric.WithAttributes(attrLoss.String("dropped")))
	to.ObserveInt64(i.lost, int64(s.Replaced), metric.WithAttributes(attrLoss.String("replaced")))
}

// counted tells what was counted of effects.
func (t *Telemetry) counted(to metric.Observer) {
	known := t.effects.known.Load()
	if known == nil {
		return
	}
	for name, o := range *known {
		of := attrEffect.String(name)
		if n := o.ok.Load(); n > 0 {
			to.ObserveInt64(t.made.effects, n, metric.WithAttributes(of, attrOutcome.String("ok")))
		}
		if n := o.skipped.Load(); n > 0 {
			to.ObserveInt64(t.made.effects, n, metric.WithAttributes(of, attrOutcome.String("skipped")))
		}
		for i := range o.failed {
			if n := o.failed[i].Load(); n > 0 {
				to.ObserveInt64(t.made.effects, n, metric.WithAttributes(of, attrOutcome.String("failed"), attrError.String(string(phaseNames[i]))))
			}
		}
	}
}
