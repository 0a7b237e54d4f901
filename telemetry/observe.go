package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/sse"
)

// dispatched is the context of a dispatch.
type dispatched struct {
	context.Context
	id    uint64
	began time.Time
}

type dispatchedKey struct{}

// ForRecipients makes lines of the log say which dispatch they belong to also where a
// broadcast of it runs, see [effect.Call.DispatchShared].
func (dispatchedKey) ForRecipients() {}

// Value implements [context.Context].
func (d *dispatched) Value(key any) any {
	if key == (dispatchedKey{}) {
		return d
	}
	return d.Context.Value(key)
}

// dispatchOf returns the dispatch that ctx belongs to, nil if none.
func dispatchOf(ctx context.Context) *dispatched {
	d, _ := ctx.Value(dispatchedKey{}).(*dispatched)
	return d
}

// Begin implements [dispatch.Observer].
func (t *Telemetry) Begin(ctx context.Context, s dispatch.Started) context.Context {
	now := time.Now()
	if t.tracer != nil {
		ctx = t.begin(ctx, s, now)
	}
	return &dispatched{ctx, s.ID, now}
}

// End implements [dispatch.Observer].
func (t *Telemetry) End(ctx context.Context, res *effect.Result) {
	d := dispatchOf(ctx)
	if d == nil {
		return
	}
	t.made.dispatch.Record(ctx, time.Since(d.began).Seconds())
	if t.tracer != nil {
		end(ctx, res)
	}
}

// Ran implements [dispatch.Observer].
func (t *Telemetry) Ran(res *effect.Result) { t.effects.count(res) }

// Written is [sse.HubOptions].OnWritten.
func (t *Telemetry) Written(w sse.Written) {
	t.made.write.Record(context.Background(), w.Took.Seconds())
}

// broadcastSets are the attribute sets of broadcasts, by origin and mode. They are made
// once, because that costs more than to record a value.
var (
	broadcastSets = [2][2]metric.MeasurementOption{
		{broadcastSet("local", "shared"), broadcastSet("local", "each")},
		{broadcastSet("remote", "shared"), broadcastSet("remote", "each")},
	}
)

func broadcastSet(origin, mode string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attrOrigin.String(origin), attrMode.String(mode)))
}

// Sent implements [sfere.Observer].
func (t *Telemetry) Sent(ctx context.Context, s sfere.Sent) {
	with := broadcastSets[index(s.Foreign)][index(s.Each)]
	t.made.sent.Record(ctx, s.Took.Seconds(), with)
	t.made.fanOut.Record(ctx, float64(s.Report.Matched), with)
	t.sent.size[index(s.Foreign)][index(s.Each)].Add(int64(s.Bytes))
	t.sent.delivered.Add(int64(s.Report.Delivered))
	t.sent.dropped.Add(int64(s.Report.Dropped))
	t.sent.failed.Add(int64(s.Report.Failed))
	if t.tracer != nil {
		t.broadcast(ctx, s)
	}
}

// sentCounters count broadcasts.
type sentCounters struct {
	size                       [2][2]atomic.Int64 // by origin and mode
	delivered, dropped, failed atomic.Int64
}

// read tells what was counted of broadcasts.
func (c *sentCounters) read(to metric.Observer, i *instruments) {
	for origin := range c.size {
		for mode := range c.size[origin] {
			to.ObserveInt64(i.size, c.size[origin][mode].Load(), broadcastSets[origin][mode])
		}
	}
	for _, o := range []struct {
		name string
		n    int64
	}{{"delivered", c.delivered.Load()}, {"dropped", c.dropped.Load()}, {"failed", c.failed.Load()}} {
		to.ObserveInt64(i.reached, o.n, metric.WithAttributes(attrOutcome.String(o.name)))
	}
}

func index(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// Received implements [sfere.Observer].
func (t *Telemetry) Received(hop time.Duration) {
	t.made.hop.Record(context.Background(), hop.Seconds())
}

// Missed implements [sfere.Observer].
func (t *Telemetry) Missed(g relay.Gap) {
	for _, c := range g.Causes {
		t.made.gaps.Add(context.Background(), 1, metric.WithAttributes(attrGap.String(string(c))))
	}
}

// Refreshed implements [sfere.Observer].
func (t *Telemetry) Refreshed(r sfere.Refreshed) {
	t.made.refreshed.Add(context.Background(), int64(r.Values))
	t.made.collected.Add(context.Background(), int64(r.Already))
}

// Rendered implements [sfere.Observer].
func (t *Telemetry) Rendered(r sfere.Rendered) {
	t.made.render.Record(context.Background(), r.Took.Seconds(), metric.WithAttributes(attrView.String(r.View), attrOutcome.String(r.Outcome)))
}
