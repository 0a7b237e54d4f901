package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// The attributes of spans, which may have numbers that those of metrics must not have.
const (
	attrDispatch = attribute.Key("sfere.dispatch.id")
	attrParent   = attribute.Key("sfere.dispatch.parent")
	attrItems    = attribute.Key("sfere.dispatch.items")
	attrPath     = attribute.Key("sfere.path")
	attrMatched  = attribute.Key("sfere.broadcast.matched")
	attrReached  = attribute.Key("sfere.broadcast.delivered")
	attrDropped  = attribute.Key("sfere.broadcast.dropped")
	attrFailed   = attribute.Key("sfere.broadcast.failed")
	attrSize     = attribute.Key("sfere.broadcast.size")
	attrMessage  = attribute.Key("exception.message")
)

// begin begins the span of a dispatch.
func (t *Telemetry) begin(ctx context.Context, s dispatch.Started, now time.Time) context.Context {
	name := "dispatch"
	if len(s.Items) > 0 {
		name += " " + t.effects.label(s.Items[0])
	}
	o := []trace.SpanStartOption{trace.WithTimestamp(now), trace.WithAttributes(attrDispatch.Int64(int64(s.ID)), attrItems.Int(len(s.Items)))}
	if s.Parent != 0 { // the one before has ended
		o = append(o, trace.WithNewRoot(), trace.WithLinks(trace.LinkFromContext(ctx)), trace.WithAttributes(attrParent.Int64(int64(s.Parent))))
	}
	ctx, _ = t.tracer.Start(ctx, name, o...)
	return ctx
}

// maxErrors bounds the errors that a span tells of.
const maxErrors = 8

// end ends the span of a dispatch.
func end(ctx context.Context, res *effect.Result) {
	span := trace.SpanFromContext(ctx)
	defer span.End()
	if len(res.Errors) == 0 || !span.IsRecording() {
		return
	}
	span.SetStatus(codes.Error, core.SafeText(res.Errors[0].Err))
	for _, err := range res.Errors[:min(len(res.Errors), maxErrors)] {
		span.AddEvent("exception", trace.WithAttributes(attrMessage.String(core.SafeText(err.Err)),
			attrEffect.String(err.Name), attrError.String(string(err.Phase)), attrPath.String(err.Path.String())))
	}
}

// broadcast makes a span of a broadcast that has ended.
func (t *Telemetry) broadcast(ctx context.Context, s sfere.Sent) {
	if !trace.SpanContextFromContext(ctx).IsValid() { // a broadcast is no trace by itself
		return
	}
	name, kind := "broadcast", trace.SpanKindProducer
	if s.Foreign {
		name, kind = "receive broadcast", trace.SpanKindConsumer
	}
	now := time.Now()
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(now.Add(-s.Took)), trace.WithSpanKind(kind), trace.WithAttributes(
		attrMatched.Int(s.Report.Matched), attrReached.Int(s.Report.Delivered), attrDropped.Int(s.Report.Dropped), attrFailed.Int(s.Report.Failed), attrSize.Int(s.Bytes)))
	span.End(trace.WithTimestamp(now))
}

// Trace implements [sfere.Observer].
func (t *Telemetry) Trace(ctx context.Context) string {
	if t.tracer == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	var c carrier
	propagation.TraceContext{}.Inject(ctx, &c)
	return c.parent
}

// Traced implements [sfere.Observer].
func (t *Telemetry) Traced(ctx context.Context, text string) context.Context {
	if t.tracer == nil {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, &carrier{text})
}

// carrier is the header of W3C that says which trace it is. The state of the trace does
// not travel.
type carrier struct{ parent string }

const parentHeader = "traceparent"

// Get implements [propagation.TextMapCarrier].
func (c *carrier) Get(key string) string {
	if key == parentHeader {
		return c.parent
	}
	return ""
}

// Set implements [propagation.TextMapCarrier].
func (c *carrier) Set(key, value string) {
	if key == parentHeader {
		c.parent = value
	}
}

// Keys implements [propagation.TextMapCarrier].
func (c *carrier) Keys() []string { return []string{parentHeader} }
