package telemetry

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/sse"
)

var _ sfere.AppObserver = (*Telemetry)(nil)

// scope is the name of what makes the metrics and spans.
const scope = "github.com/sfere-go/sfere/telemetry"

// Options adjust a [Telemetry]. Zero fields mean the defaults.
type Options struct {
	// Meter makes the instruments. Default: the global one.
	Meter metric.MeterProvider
	// Tracer makes the spans. Default: there are no spans; pass
	// otel.GetTracerProvider() for the global one.
	Tracer trace.TracerProvider
}

// Telemetry observes programs. All methods may be called from any goroutine. Most are
// called by what it observes, and by nobody else. Make one with [New].
type Telemetry struct {
	tracer  trace.Tracer // nil without traces
	effects effects
	sent    sentCounters
	made    instruments
	stop    metric.Registration

	mu      sync.Mutex // guards watched; nothing is called under it
	watched []watched
}

// watched is what one App has made.
type watched struct {
	hub   *sse.Hub
	conns *sfere.Conns
}

// Error is why a [Telemetry] cannot be made.
type Error struct {
	Op  string
	Err error
}

// Error returns "telemetry: doing thing: cause".
func (e *Error) Error() string { return fmt.Sprintf("telemetry: %s: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes the instruments. nil options mean the defaults. The caller must close it. The
// error is an *[Error] with those of the meter.
func New(o *Options) (*Telemetry, error) {
	var v Options
	if o != nil {
		v = *o
	}
	t := &Telemetry{}
	if v.Tracer != nil {
		t.tracer = v.Tracer.Tracer(scope)
	}
	meters := cmp.Or(v.Meter, otel.GetMeterProvider())
	m := maker{Meter: meters.Meter(scope)}
	t.made.make(&m)
	err := errors.Join(m.errs...)
	if err == nil {
		t.stop, err = m.RegisterCallback(t.observe, m.observed...)
	}
	if err != nil {
		return nil, &Error{"making the instruments", err}
	}
	return t, nil
}

// Close stops the metrics that are read when somebody asks. It may be called again. The
// error is an *[Error] with that of the meter.
func (t *Telemetry) Close() error {
	t.mu.Lock()
	t.watched = nil
	t.mu.Unlock()
	if err := t.stop.Unregister(); err != nil {
		return &Error{"closing", err}
	}
	return nil
}

// Watch adds a hub and its connections to what is read when somebody asks for the
// metrics. What several have is added up. Each may be nil.
func (t *Telemetry) Watch(hub *sse.Hub, conns *sfere.Conns) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watched = append(t.watched, watched{hub, conns})
}
