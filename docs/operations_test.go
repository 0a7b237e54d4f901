package docs

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/telemetry"
	"github.com/sfere-go/sfere/twk"
)

// observed is in the guide.
func observed(meters metric.MeterProvider, tracers trace.TracerProvider, newCtx func(twk.Session) twk.Session, registries ...registry.Registry[twk.Session]) (*sfere.App[twk.Session], error) {
	tel, err := telemetry.New(&telemetry.Options{Meter: meters, Tracer: tracers})
	if err != nil {
		return nil, err
	}
	app := sfere.NewAppWith(newCtx, &sfere.AppOptions{Observer: tel}, registries...)
	app.HandleHTTP("GET /healthz", app.Health())
	return app, nil
}

// logs is in the guide.
func logs() {
	slog.SetDefault(slog.New(telemetry.LogHandler(slog.NewJSONHandler(os.Stderr, nil))))
}

var _ = logs

var row = regexp.MustCompile("(?m)^\\| `(sfere\\.[a-z_.]+)` \\| (\\S+) \\|")

// The guide lists every metric with its unit, and no other.
func TestGuideListsTheMetrics(t *testing.T) {
	made := &notebook{meter: notes{Meter: sdk.NewMeterProvider().Meter("docs")}}
	if _, err := observed(made, noop.NewTracerProvider(), func(s twk.Session) twk.Session { return s }); err != nil {
		t.Fatal(err)
	}
	want := made.meter.names
	slices.Sort(want)
	guide, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range row.FindAllStringSubmatch(string(guide), -1) {
		got = append(got, m[1]+" "+m[2])
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-made +in the guide):\n%s", diff)
	}
}

// notebook notes the instruments that are made.
type notebook struct {
	embedded.MeterProvider
	meter notes
}

func (n *notebook) Meter(string, ...metric.MeterOption) metric.Meter { return &n.meter }

type notes struct {
	metric.Meter
	names []string
}

func (n *notes) add(name, unit string) { n.names = append(n.names, name+" "+unit) }

func (n *notes) Int64Counter(name string, o ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	n.add(name, metric.NewInt64CounterConfig(o...).Unit())
	return n.Meter.Int64Counter(name, o...)
}

func (n *notes) Float64Histogram(name string, o ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	n.add(name, metric.NewFloat64HistogramConfig(o...).Unit())
	return n.Meter.Float64Histogram(name, o...)
}

func (n *notes) Int64ObservableCounter(name string, o ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	n.add(name, metric.NewInt64ObservableCounterConfig(o...).Unit())
	return n.Meter.Int64ObservableCounter(name, o...)
}

func (n *notes) Int64ObservableUpDownCounter(name string, o ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	n.add(name, metric.NewInt64ObservableUpDownCounterConfig(o...).Unit())
	return n.Meter.Int64ObservableUpDownCounter(name, o...)
}
