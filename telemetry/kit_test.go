package telemetry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/telemetry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Fail fails, Later goes on after its dispatch has returned, and Board is a view.
type (
	Fail  struct{}
	Later struct{}
	Inner struct{}
	Board struct {
		ID int `json:"id"`
	}
)

func (Fail) EffectName() string       { return "test/fail" }
func (Later) EffectName() string      { return "test/later" }
func (Inner) EffectName() string      { return "test/inner" }
func (Board) EffectName() string      { return "test/board" }
func (b Board) Topics() []sfere.Topic { return []sfere.Topic{sfere.T("board", b.ID)} }

// program is an App with telemetry, and what it has told.
type program struct {
	t     testing.TB
	app   *sfere.App[twk.Session]
	tel   *telemetry.Telemetry
	read  *metric.ManualReader
	spans *tracetest.SpanRecorder
	later chan func()
	text  string // of boards
}

func newProgram(t testing.TB, o *sfere.AppOptions) *program {
	t.Helper()
	p := &program{t: t, read: metric.NewManualReader(), spans: tracetest.NewSpanRecorder(), later: make(chan func(), 100), text: "a"}
	tel, err := telemetry.New(&telemetry.Options{
		Meter: metric.NewMeterProvider(metric.WithReader(p.read)), Tracer: trace.NewTracerProvider(trace.WithSpanProcessor(p.spans)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tel.Close(); err != nil {
			t.Error(err)
		}
	})
	p.tel = tel
	var v sfere.AppOptions
	if o != nil {
		v = *o
	}
	v.Observer = tel
	v.Bridge = &twk.BridgeOptions{OnError: func(context.Context, *twk.Request, error) effect.List { return nil }}
	p.app = sfere.NewAppWith(func(s twk.Session) twk.Session { return s }, &v, registry.New("test",
		effect.Do("Fail.", func(context.Context, twk.Call, Fail) error { return errors.New("on purpose") }),
		effect.Do("Go on later.", func(ctx context.Context, call twk.Call, _ Later) error {
			p.later <- func() { call.Dispatch(ctx, sfere.Tell(sfere.Everyone(), twk.ConsoleLog{Message: "later"})) }
			return nil
		}),
		effect.Do("Go on with what fails.", func(ctx context.Context, call twk.Call, _ Inner) error { return call.Dispatch(ctx, Fail{}).Err() }),
		sfere.View[twk.Session]("A board.", func(context.Context, Board) (twk.Content, error) {
			return twk.HTML(`<p id="board">` + p.text + `</p>`), nil
		}, nil),
	))
	p.app.Handle("GET /live", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.URL.Query().Get("user")), twk.Stream(twk.ConsoleLog{Message: "hello"}))
	})
	p.app.Handle("POST /do", func(*twk.Request) twk.Response { return twk.Respond(twk.ConsoleLog{Message: "done"}) })
	return p
}

// join opens a stream.
func (p *program) join(user string) *twktest.Stream {
	p.t.Helper()
	s := twktest.Serve(p.t, p.app, twktest.HTTPRequest("GET", "/live?user="+user, nil))
	synctest.Wait()
	return s
}

func (p *program) do(items ...effect.Data) { p.app.Dispatch(context.Background(), items...) }

// metrics returns all that there is, by name and attributes. Of a histogram it is the
// number of values; name.sum is their sum.
func (p *program) metrics() map[string]float64 {
	p.t.Helper()
	var all metricdata.ResourceMetrics
	if err := p.read.Collect(context.Background(), &all); err != nil {
		p.t.Fatal(err)
	}
	out := map[string]float64{}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, point := range d.DataPoints {
					out[label(m.Name, point.Attributes)] = float64(point.Value)
				}
			case metricdata.Histogram[float64]:
				for _, point := range d.DataPoints {
					name := label(m.Name, point.Attributes)
					out[name] = float64(point.Count)
					if m.Unit != "s" {
						out[name+" sum"] = point.Sum
					}
				}
			default:
				p.t.Fatalf("%s is a %T", m.Name, d)
			}
		}
	}
	return out
}

// label returns a name with the values of its attributes, such as
// sfere.stream.closed{client,long}.
func label(name string, set attribute.Set) string {
	var values []string
	for _, kv := range set.ToSlice() { // sorted by key
		values = append(values, kv.Value.AsString())
	}
	if len(values) == 0 {
		return name
	}
	return name + "{" + strings.Join(values, ",") + "}"
}

func started(id uint64) dispatch.Started { return dispatch.Started{ID: id} }
