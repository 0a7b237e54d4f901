package inspect

import (
	"encoding/json"
	"fmt"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/schema"
)

// outcomeView is what came of a list of effects.
type outcomeView struct {
	Kind     string // "note", "fine", "problem", "refused", "dry" or "sent"; empty: nothing yet
	Title    string
	Text     string
	Problems []schema.Problem
	Errors   []console.Failed
	Skipped  []console.Skipped
	Ran      []ranView
	Plan     []planView
	Link     string // of the recorded dispatch
}

// ranView is an effect that ran.
type ranView struct {
	Path, Name, Gave string
	Report           *sfere.Report
}

// planView is an effect that a dry run kept from the world.
type planView struct {
	console.Planned
	Sends []deliveryView
	Views []viewRow // that would be rendered
	Other []string
}

// deliveryView is what some streams would get.
type deliveryView struct {
	console.Delivery
	To   []keyText
	Rest int    // streams that are not in To
	Text string // cut
	Each int64  // bytes
}

// maxDelivery bounds how much of one delivery is shown, in bytes.
const maxDelivery = 64 << 10

func (in *Inspector) rehearsed(cmd console.Command, out console.Rehearsal) outcomeView {
	v := outcomeView{Kind: "dry", Errors: out.Errors, Skipped: out.Skipped}
	var renders sfere.Refreshed
	var gets, closes int // a stream counts for each effect that reaches it
	var bytes int64
	for _, p := range out.Plan {
		pv := planView{Planned: p}
		for _, d := range p.Sends {
			if d.Cause != "" {
				closes += d.Streams
			} else {
				gets += d.Streams
			}
			bytes += d.Bytes
			dv := deliveryView{Delivery: d, Rest: d.Streams - len(d.To), Text: cut(d.Text, maxDelivery), Each: d.Bytes / int64(max(1, d.Streams))}
			for _, to := range d.To {
				dv.To = append(dv.To, streamText(to))
			}
			pv.Sends = append(pv.Sends, dv)
		}
		if p.Renders != nil {
			renders.Values += p.Renders.Values
			renders.Streams += p.Renders.Streams
			for _, i := range p.Renders.Sample {
				pv.Views = append(pv.Views, in.viewRow(i, false))
			}
		}
		for _, w := range p.Would {
			pv.Other = append(pv.Other, jsonText(w))
		}
		if len(pv.Sends) > 0 || len(pv.Other) > 0 || p.Renders != nil || !p.Rehearsed {
			v.Plan = append(v.Plan, pv)
		}
	}
	switch {
	case gets > 0 && closes > 0:
		v.Title = fmt.Sprintf("Dry run: %s would get %s, and %s would be closed.", plural(gets, "stream"), sizeOf(bytes), plural(closes, "stream"))
	case gets > 0:
		v.Title = fmt.Sprintf("Dry run: %s would get %s.", plural(gets, "stream"), sizeOf(bytes))
	case closes > 0:
		v.Title = fmt.Sprintf("Dry run: %s would be closed.", plural(closes, "stream"))
	case renders.Values > 0:
		v.Title = fmt.Sprintf("Dry run: %s would be rendered, for %s.", plural(renders.Values, "value"), plural(renders.Streams, "viewer"))
	case cmd.To != "":
		v.Title = fmt.Sprintf("Dry run: nothing would be sent to %s.", cmd.To)
	default:
		v.Title = "Dry run: nothing would be sent."
	}
	if n, err := in.matched(cmd.To); err == nil && cmd.To != "" && n == 0 {
		v.Text = "No live connection matches the pattern."
	}
	return v
}

func (in *Inspector) matched(pattern string) (int, error) {
	p, err := parsePattern(pattern)
	if err != nil {
		return 0, err
	}
	return in.conns.Count(p)
}

func (in *Inspector) sent(cmd console.Command, out console.Outcome) outcomeView {
	v := outcomeView{Kind: "sent", Title: "Sent.", Errors: out.Errors, Skipped: out.Skipped}
	var sum sfere.Report
	reports := 0
	for _, r := range out.Ran {
		rv := ranView{Path: r.Path, Name: r.Name}
		if report, ok := reportOf(r.Value); ok {
			rv.Report = &report
			sum.Matched += report.Matched
			sum.Delivered += report.Delivered
			reports++
		} else if len(r.Value) > 0 {
			rv.Gave = jsonText(r.Value)
		}
		v.Ran = append(v.Ran, rv)
	}
	switch {
	case len(out.Errors) > 0:
		v.Title = fmt.Sprintf("Sent, with %s.", plural(len(out.Errors), "error"))
	case reports > 0:
		v.Title = fmt.Sprintf("Sent: %d of %s took it.", sum.Delivered, plural(sum.Matched, "stream"))
	case cmd.To == "":
		v.Title = "Run."
	}
	if r := in.recorder; r != nil {
		if seq, ok := r.SeqOf(out.Dispatch); ok {
			v.Link = in.dispatchLink(seq)
		}
	}
	return v
}

// reportOf reads the value of a broadcast.
func reportOf(value json.RawMessage) (r sfere.Report, ok bool) {
	var has map[string]json.RawMessage
	if json.Unmarshal(value, &has) != nil || has["matched"] == nil || has["delivered"] == nil {
		return r, false
	}
	return r, json.Unmarshal(value, &r) == nil
}

func jsonText(raw json.RawMessage) string { return text(raw, maxText) }
