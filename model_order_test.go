package sfere_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/twktest"
)

// burst is what some senders sent at once. Whoever got it shows it in one order,
// which the first to show it decides.
type burst struct {
	senders [][]string // the texts of each, in the order of the sender; $ is the recipient
	order   []string   // nil until somebody has shown it
}

// said is a burst of one text.
func said(text string) *burst { return &burst{order: []string{text}} }

func (b *burst) len() (n int) {
	if b.order != nil {
		return len(b.order)
	}
	for _, texts := range b.senders {
		n += len(texts)
	}
	return n
}

// decide takes got for the order of b, if it may be.
func (b *burst) decide(got []string) error {
	var all []string
	for _, texts := range b.senders {
		all = append(all, texts...)
		at := -1
		for _, text := range texts {
			i := slices.Index(got, text)
			if i < at {
				return fmt.Errorf("%q comes before what its sender sent first, in %q", text, got)
			}
			at = i
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(all)), slices.Sorted(slices.Values(got))); diff != "" {
		return fmt.Errorf("(-want +got):\n%s", diff)
	}
	b.order = slices.Clone(got)
	return nil
}

// shown returns the texts that x shows, with $ for its name.
func (x *tab) shown() (out []string, err error) {
	events, err := twktest.All(strings.NewReader(x.client.text()))
	for _, e := range events {
		var s struct{ Text string }
		if err := json.Unmarshal([]byte(e.Fields()["signals"]), &s); err != nil {
			return nil, err
		}
		if text, of := strings.CutSuffix(s.Text, " of "+x.name); of {
			s.Text = text + " of $"
		}
		out = append(out, s.Text)
	}
	return out, err
}

// checkShown compares what x shows with what it has to.
func (m *model) checkShown(rt *rapid.T, x *tab) {
	got, err := x.shown()
	if err != nil {
		rt.Fatalf("%s: %v", x.name, err)
	}
	all := got
	for _, b := range x.shows {
		part := got[:min(b.len(), len(got))]
		got = got[len(part):]
		switch {
		case len(part) < b.len():
			if x.whole || x.open && !x.broken {
				rt.Fatalf("%s shows %q and no more, want %q", x.name, all, x.all())
			}
		case b.order == nil:
			if err := b.decide(part); err != nil {
				rt.Fatalf("%s: %v", x.name, err)
			}
		}
		if b.order != nil && !slices.Equal(part, b.order[:len(part)]) {
			rt.Fatalf("%s shows %q in %q, want %q", x.name, part, all, x.all())
		}
	}
	if len(got) > 0 {
		rt.Fatalf("%s shows %q, and that is %q too much", x.name, all, got)
	}
}

func (x *tab) all() (out []string) {
	for _, b := range x.shows {
		if b.order == nil {
			out = append(out, fmt.Sprint(b.senders))
		}
		out = append(out, b.order...)
	}
	return out
}

// opening opens a stream whose first effects take their time.
func (m *model) opening(rt *rapid.T) {
	m.n++
	x := m.newTab(rt)
	waits := m.fn(x.name+" waits", func(ctx context.Context, _ twk.Call) error {
		select {
		case <-x.gate:
		case <-ctx.Done():
		}
		return nil
	})
	says := m.fn(x.name+" says", func(context.Context, twk.Call) error { return nil })
	a := ask{m.drawKey(rt), rapid.SampledFrom([]sfere.Policy{sfere.Join, sfere.Replace, sfere.Reject}).Draw(rt, "policy")}
	x.client = m.serve(newWriter(), x.query(), func(*twk.Request) twk.Response {
		return twk.Stream(tell("hello"), do{x.name}, waits, says, mine{Text: "state"}).WithOpen(sfere.HoldStream{Key: a.key, Policy: a.policy})
	})
	time.Sleep(time.Second) // what it has sent so far is written
	synctest.Wait()
	if status, _ := m.admit(x, []ask{a}, false); status != 0 {
		<-x.client.left
		if x.client.status != status {
			rt.Fatalf("status %d, want %d", x.client.status, status)
		}
		return
	}
	x.open, x.opens = true, true
	m.tabs = append(m.tabs, x)
	m.receives(x, said("hello"), true)
}

// opened lets the first effects of a stream go on: they broadcast something,
// perhaps, and end.
func (m *model) opened(rt *rapid.T) {
	x := m.drawTab(rt, func(x *tab) bool { return x.opens })
	m.n++
	to := rapid.SampledFrom(append(modelPatterns, sfere.Pattern{})).Draw(rt, "to") // no pattern: it says nothing
	item, shown := drawMessage(rt, fmt.Sprintf("message %d", m.n))
	var rep sfere.Report
	if to != (sfere.Pattern{}) {
		m.fn(x.name+" says", func(ctx context.Context, call twk.Call) error {
			rep = sfere.ReportOf(call.Dispatch(ctx, sfere.Broadcast{To: to, Effects: effect.List{item}}))
			return nil
		})
	}
	x.goOn()
	time.Sleep(time.Second)
	synctest.Wait()
	n := m.reaches(to, func(*tab) bool { return false }, x, said(shown))
	if diff := cmp.Diff(sfere.Report{Matched: n, Delivered: n}, rep); diff != "" && !x.broken {
		rt.Fatalf("report (-want +got):\n%s", diff)
	}
	m.openedNow(x)
}

// openedNow tells that the first effects of x have ended.
func (m *model) openedNow(x *tab) {
	if !x.opens { // it has turned out to be dead
		return
	}
	x.opens = false
	late := x.behind
	x.behind = nil
	for _, b := range append([]*burst{said("state of $")}, late...) {
		m.receives(x, b, true)
	}
}

// crowd lets several senders broadcast to one pattern at once.
func (m *model) crowd(rt *rapid.T) {
	to := rapid.SampledFrom(modelPatterns).Draw(rt, "to")
	if slices.ContainsFunc(m.matching(to), func(x *tab) bool { return x.broken }) {
		rt.Skip("when they find out is up to chance")
	}
	m.n++
	b := &burst{}
	var senders [][]effect.Data
	for i := range rapid.IntRange(2, 4).Draw(rt, "senders") {
		var items []effect.Data
		var texts []string
		for k := range rapid.IntRange(1, 3).Draw(rt, "messages") {
			item, shown := drawMessage(rt, fmt.Sprintf("message %d.%d.%d", m.n, i, k))
			items, texts = append(items, item), append(texts, shown)
		}
		senders, b.senders = append(senders, items), append(b.senders, texts)
	}
	n := len(m.matching(to))
	var wg sync.WaitGroup
	reports := make([]sfere.Report, len(senders))
	for i, items := range senders {
		wg.Go(func() {
			for _, item := range items {
				res := m.d.Dispatch(context.Background(), app{User: "somebody"}, sfere.Broadcast{To: to, Effects: effect.List{item}})
				reports[i].Add(sfere.ReportOf(res))
			}
		})
	}
	wg.Wait()
	synctest.Wait()
	for i, rep := range reports {
		all := n * len(senders[i])
		if diff := cmp.Diff(sfere.Report{Matched: all, Delivered: all}, rep); diff != "" {
			rt.Fatalf("report (-want +got):\n%s", diff)
		}
	}
	m.reaches(to, func(*tab) bool { return false }, nil, b)
}
