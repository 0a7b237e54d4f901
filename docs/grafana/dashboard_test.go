// Package grafana runs the queries of the dashboard in this folder against the metrics of a
// program. It is a module of its own, because it needs the query engine of Prometheus.
package grafana

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/teststorage"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/registry"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/telemetry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Clock is a view, and Broken an effect that fails.
type (
	Clock  struct{}
	Broken struct{}
)

// EffectName returns "docs/clock".
func (Clock) EffectName() string { return "docs/clock" }

// EffectName returns "docs/broken".
func (Broken) EffectName() string { return "docs/broken" }

// dashboard is what the test reads of one.
type dashboard struct {
	Panels []struct {
		Title   string `json:"title"`
		Targets []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

// Each query of the dashboard finds something in the metrics of a program that does a bit
// of everything.
func TestDashboardQueriesRun(t *testing.T) {
	text, err := os.ReadFile("sfere.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	store := teststorage.New(t)
	defer store.Close()
	began := time.Now().Add(-10 * time.Minute)
	scraped(t, func(round int, all []*dto.MetricFamily) {
		app := store.Appender(t.Context())
		at := began.Add(time.Duration(round) * 15 * time.Second).UnixMilli()
		for _, f := range all {
			for _, s := range samples(f) {
				if _, err := app.Append(0, s.labels, at, s.value); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	})
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	defer func() { _ = engine.Close() }()
	queries := 0
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			queries++
			expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			q, err := engine.NewInstantQuery(t.Context(), store, nil, expr, began.Add(rounds*15*time.Second))
			if err != nil {
				t.Errorf("%s: %s: %v", p.Title, expr, err)
				continue
			}
			res := q.Exec(t.Context())
			v, err := res.Vector()
			if err != nil || len(v) == 0 {
				t.Errorf("%s: %s finds %d series: %v", p.Title, expr, len(v), err)
			}
			for _, s := range v {
				if s.F != s.F && strings.Contains(expr, "quantile") {
					t.Errorf("%s: %s is not a number", p.Title, expr)
				}
			}
			q.Close()
		}
	}
	if queries < 15 {
		t.Errorf("the dashboard has %d queries", queries)
	}
}

const rounds = 10

// scraped runs a program and gives its metrics, again and again.
func scraped(t *testing.T, took func(round int, all []*dto.MetricFamily)) {
	all := prometheus.NewRegistry()
	export, err := exporter.New(exporter.WithRegisterer(all))
	if err != nil {
		t.Fatal(err)
	}
	clock := sfere.View[twk.Session]("A clock.", func(context.Context, Clock) (twk.Content, error) {
		return twk.HTML(fmt.Sprintf(`<p id="clock">%d</p>`, time.Now().UnixNano())), nil
	}, nil)
	bus := relay.NewFaulty(relay.NewMemory(nil), &relay.FaultyOptions{Drop: 0.2, Seed: 1})
	tel, err := telemetry.New(&telemetry.Options{Meter: sdk.NewMeterProvider(sdk.WithReader(export))})
	if err != nil {
		t.Fatal(err)
	}
	app := sfere.NewApp(&sfere.AppOptions{Observer: tel, Relay: bus},
		registry.New("docs", clock, effect.Do("Fail.", func(context.Context, twk.Call, Broken) error { return fmt.Errorf("broken") })))
	other := sfere.NewApp(&sfere.AppOptions{Relay: bus})
	for _, a := range []*sfere.App[twk.Session]{app, other} {
		if err := a.Conns().JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer a.Conns().Close()
	}
	app.Handle("GET /live", func(r *twk.Request) twk.Response {
		return sfere.Hold(sfere.ID("room", r.URL.Query().Get("user")), twk.Stream(sfere.Show{Views: effect.List{Clock{}}}))
	})
	for round := range rounds + 1 {
		s := twktest.Serve(t, app, twktest.HTTPRequest("GET", fmt.Sprint("/live?user=", round), nil))
		s.Next()
		app.Dispatch(t.Context(), Broken{}, sfere.Tell(sfere.Category("room"), twk.ConsoleLog{Message: "x"}), sfere.Refresh{Views: effect.List{Clock{}}, Scope: sfere.DefaultScope, Wait: true})
		for range 20 {
			other.Dispatch(t.Context(), sfere.Tell(sfere.Category("room"), twk.ConsoleLog{Message: "from the other machine"}))
		}
		if round%2 == 1 {
			s.Close()
		}
		got, err := all.Gather()
		if err != nil {
			t.Fatal(err)
		}
		took(round, got)
	}
}

// sample is one value of one series.
type sample struct {
	labels labels.Labels
	value  float64
}

// samples returns the series of a family as Prometheus stores them.
func samples(f *dto.MetricFamily) (out []sample) {
	for _, m := range f.GetMetric() {
		add := func(suffix string, v float64, more ...string) {
			b := labels.NewBuilder(labels.EmptyLabels())
			b.Set(labels.MetricName, f.GetName()+suffix)
			b.Set("instance", "web-1")
			for _, l := range m.GetLabel() {
				b.Set(l.GetName(), l.GetValue())
			}
			for i := 0; i+1 < len(more); i += 2 {
				b.Set(more[i], more[i+1])
			}
			out = append(out, sample{b.Labels(), v})
		}
		switch {
		case m.GetHistogram() != nil:
			h := m.GetHistogram()
			for _, bucket := range h.GetBucket() {
				add("_bucket", float64(bucket.GetCumulativeCount()), "le", fmt.Sprint(bucket.GetUpperBound()))
			}
			add("_bucket", float64(h.GetSampleCount()), "le", "+Inf")
			add("_sum", h.GetSampleSum())
			add("_count", float64(h.GetSampleCount()))
		case m.GetCounter() != nil:
			add("", m.GetCounter().GetValue())
		default:
			add("", m.GetGauge().GetValue())
		}
	}
	return out
}
