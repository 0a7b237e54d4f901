package telemetry_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/telemetry"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// tree writes spans down: below each its children and, after an arrow, what it is linked
// to. Spans of other traces stand beside.
func tree(spans []trace.ReadOnlySpan) []string {
	var out []string
	name := map[string]string{}
	for _, s := range spans {
		name[s.SpanContext().SpanID().String()] = s.Name()
	}
	slices.SortStableFunc(spans, func(a, b trace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		for _, s := range spans {
			p := ""
			if s.Parent().IsValid() {
				p = s.Parent().SpanID().String()
			}
			if p != parent {
				continue
			}
			line := strings.Repeat("  ", depth) + s.Name()
			if s.Status().Description != "" {
				line += " failed: " + s.Status().Description
			}
			for _, l := range s.Links() {
				line += " <- " + name[l.SpanContext.SpanID().String()]
			}
			out = append(out, line)
			walk(s.SpanContext().SpanID().String(), depth+1)
		}
	}
	walk("", 0)
	return out
}

// A dispatch is a span, and what is part of it is below.
func TestSpans(t *testing.T) {
	p := newProgram(t, nil)
	s := twktest.Serve(t, p.app, twktest.HTTPRequest("GET", "/live?user=ann", nil))
	s.Next()
	begin := len(p.spans.Ended())
	everybody := sfere.Category("room")
	for _, tt := range []struct {
		reason string
		items  effect.List
		late   bool
		want   []string
	}{
		{"a broadcast is below its dispatch", effect.List{sfere.Tell(everybody, twk.ConsoleLog{Message: "x"})}, false,
			[]string{"dispatch sfere/broadcast", "  broadcast"}},
		{"so is one for each", effect.List{sfere.Broadcast{To: everybody, Each: true, Effects: effect.List{twk.ConsoleLog{Message: "x"}}}}, false,
			[]string{"dispatch sfere/broadcast", "  broadcast"}},
		{"a failure is told", effect.List{Fail{}}, false, []string{"dispatch test/fail failed: on purpose"}},
		{"names from outside are no names of spans", effect.List{effect.Raw{Effect: "made/up"}}, false,
			[]string{`dispatch unknown failed: unknown effect, action or placeholder "made/up": no registry with the prefix made/ is joined`}},
		{"what goes on later has a trace of its own, and a link", effect.List{Later{}}, true,
			[]string{"dispatch test/later", "dispatch sfere/broadcast <- dispatch test/later", "  broadcast"}},
	} {
		p.do(tt.items...)
		if tt.late {
			(<-p.later)()
		}
		all := p.spans.Ended()
		got := tree(all[begin:])
		for i := range got { // the first line of an error
			got[i], _, _ = strings.Cut(got[i], "; ")
		}
		begin = len(all)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}

// What a machine sends belongs to one trace, wherever it arrives: as events, and as
// effects that run for each recipient.
func TestTraceOverNodes(t *testing.T) {
	bus := relay.NewMemory(nil)
	var nodes []*program
	for i := range 2 {
		p := newProgram(t, &sfere.AppOptions{Relay: bus, Conns: &sfere.Options{Node: &relay.Options{Name: fmt.Sprint("n", i), Beat: 50 * time.Millisecond}}})
		if err := p.app.Conns().JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.app.Conns().Close)
		nodes = append(nodes, p)
	}
	s := twktest.Serve(t, nodes[1].app, twktest.HTTPRequest("GET", "/live?user=ben", nil))
	s.Next()
	everybody := sfere.Category("room")
	for _, tt := range []struct {
		reason string
		b      sfere.Broadcast
		want   []string
	}{
		{"as events", sfere.Tell(everybody, twk.ConsoleLog{Message: "x"}), []string{"dispatch sfere/broadcast", "  broadcast", "  receive broadcast"}},
		{"for each", sfere.Broadcast{To: everybody, Each: true, Effects: effect.List{twk.ConsoleLog{Message: "x"}}},
			[]string{"dispatch sfere/broadcast", "  broadcast", "  receive broadcast", "  dispatch twk/console-log"}},
	} {
		before := [2]int{len(nodes[0].spans.Ended()), len(nodes[1].spans.Ended())}
		for len(s.Pending()) == 0 { // the subscription of a stream that has just opened may not be there yet
			nodes[0].do(tt.b)
			time.Sleep(10 * time.Millisecond)
		}
		for end := time.Now().Add(twktest.Wait); len(nodes[1].spans.Ended()) < before[1]+len(tt.want)-2; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the spans do not come")
			}
		}
		var all []trace.ReadOnlySpan
		id := nodes[1].spans.Ended()[before[1]].SpanContext().TraceID()
		for i, p := range nodes {
			for _, span := range p.spans.Ended()[before[i]:] {
				if span.SpanContext().TraceID() == id {
					all = append(all, span)
				}
			}
		}
		got := tree(all)
		slices.Sort(got[1:]) // two that begin at the same time
		want := slices.Clone(tt.want)
		slices.Sort(want[1:])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
		for len(s.Pending()) > 0 {
			s.Next()
		}
	}
}

// A line of the log says which dispatch and trace it belongs to.
func TestLogHandler(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(telemetry.LogHandler(slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))).With("a", 1).WithGroup("g")
	spans := tracetest.NewSpanRecorder()
	tel, err := telemetry.New(&telemetry.Options{Tracer: trace.NewTracerProvider(trace.WithSpanProcessor(spans))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tel.Close() }()
	ctx := tel.Begin(context.Background(), started(7))
	log.InfoContext(ctx, "inside", "b", 2)
	log.Info("outside")
	tel.End(ctx, &effect.Result{})
	id := spans.Ended()[0].SpanContext()
	want := fmt.Sprintf("level=INFO msg=inside a=1 g.b=2 g.dispatch=7 g.trace_id=%s g.span_id=%s\nlevel=INFO msg=outside a=1\n", id.TraceID(), id.SpanID())
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewRefusesWhatTheMeterRefuses(t *testing.T) {
	if _, err := telemetry.New(nil); err != nil { // the global provider, which does nothing
		t.Error(err)
	}
}
