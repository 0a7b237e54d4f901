package sfere_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// drawPattern draws a pattern that may have no scope, and what it means in the
// scope of who sends; ok is false if it means nothing.
func drawPattern(rt *rapid.T, name string, sender *tab) (p, means sfere.Pattern, ok bool) {
	p = rapid.SampledFrom(append(slices.Clone(modelPatterns), modelUnscoped...)).Draw(rt, name)
	switch {
	case p.Scope != "":
		return p, p, true
	case sender == nil:
		return p, p, false
	}
	return p, p.In(sender.user), true
}

func (m *model) broadcast(rt *rapid.T) {
	m.n++
	dispatch := func(b sfere.Broadcast) *effect.Result { return m.d.Dispatch(context.Background(), app{}, b) }
	var sender *tab // nil: out of band
	if len(m.tabs) > 0 && rapid.Bool().Draw(rt, "from a stream") {
		sender = rapid.SampledFrom(m.tabs).Draw(rt, "sender")
		dispatch = func(b sfere.Broadcast) *effect.Result { return sender.call.Dispatch(context.Background(), b) }
	}
	to, means, ok := drawPattern(rt, "to", sender)
	b := sfere.Broadcast{To: to}
	out := func(*tab) bool { return false }
	want := sfere.ErrNoScope
	switch rapid.IntRange(0, 4).Draw(rt, "exclude") {
	case 1:
		k := m.drawKey(rt)
		b.Exclude = sfere.Except(k)
		if sender != nil && k.Scope == sender.user {
			b.Exclude = sfere.Except(k.In(""))
		}
		out = func(x *tab) bool { return slices.Contains(x.keys, k) }
	case 2:
		p, means, also := drawPattern(rt, "excluded", sender)
		b.Exclude = sfere.ExceptMatching(p)
		out = func(x *tab) bool { return x.matches(means) }
		ok = ok && also
	case 3:
		b.Exclude = sfere.ExceptSelf()
		out = func(x *tab) bool { return x == sender }
		if ok && sender == nil {
			ok, want = false, sfere.ErrNotHeld
		}
	case 4:
		if len(m.tabs) > 0 {
			y := rapid.SampledFrom(m.tabs).Draw(rt, "excluded stream")
			b.Exclude = sfere.Exclude{Streams: []uint64{y.conn.ID(), 0}}
			out = func(x *tab) bool { return x == y }
		}
	}
	text := fmt.Sprintf("message %d", m.n)
	item, shown := drawMessage(rt, text)
	b.Effects = effect.List{item}
	res := dispatch(b)
	synctest.Wait()
	if !ok {
		if !errors.Is(res.Err(), want) {
			rt.Fatalf("broadcast to %v: error %v, want %v", to, res.Err(), want)
		}
		return
	}
	if res.Err() != nil {
		rt.Fatalf("broadcast to %v: %v", to, res.Err())
	}
	n := m.reaches(means, out, sender, said(shown))
	if diff := cmp.Diff(sfere.Report{Matched: n, Delivered: n}, sfere.ReportOf(res)); diff != "" {
		rt.Fatalf("report (-want +got):\n%s", diff)
	}
}

// drawMessage returns an effect and what recipients show of it, with $ for the name
// of each.
func drawMessage(rt *rapid.T, text string) (item effect.Data, shown string) {
	switch rapid.IntRange(0, 3).Draw(rt, "how") {
	case 0:
		return tell(text), text
	case 1:
		return twk.PatchSignals{Late: map[string]effect.Late[any]{"key": effect.Later[any](sfere.OwnKey{})}, Signals: map[string]any{"text": text}}, text
	case 2:
		return mine{Text: text}, text + " of $"
	}
	return mine{text, true}, text + " of $"
}

// reaches tells that b is sent to all that match, and returns how many those are.
func (m *model) reaches(p sfere.Pattern, out func(*tab) bool, sender *tab, b *burst) (n int) {
	for _, x := range m.matching(p) {
		if !out(x) {
			n++
			m.receives(x, b, x == sender)
		}
	}
	return n
}
