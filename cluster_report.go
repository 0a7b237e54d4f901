package sfere

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk"
)

// ref names a message of another node.
type ref struct {
	from relay.ID
	seq  uint64
}

// result is what becomes of a message of another node here.
type result struct {
	done   chan struct{} // closed when the rest is final
	report Report
	err    error
	unread error // why its effects were not run
}

func (r *result) end(report Report, err error) {
	r.report, r.err = report, err
	close(r.done)
}

// maxResults is how many messages are remembered that their senders ask about.
const maxResults = 4096

// result returns what becomes of m.
func (cl *cluster) result(m relay.Received) *result {
	one := &result{done: make(chan struct{})}
	if m.Report {
		cl.mu.Lock()
		defer cl.mu.Unlock()
		cl.results.Set(ref{m.From, m.Seq}, one)
	}
	return one
}

// account is what a node says of a message.
type account struct {
	Pending   bool             `json:"pending,omitempty"` // it is still at work
	Matched   int              `json:"matched,omitempty"`
	Delivered int              `json:"delivered,omitempty"`
	Dropped   int              `json:"dropped,omitempty"`
	Failed    int              `json:"failed,omitempty"`
	Failures  []accountFailure `json:"failures,omitempty"`
	Unread    string           `json:"unread,omitempty"` // why its effects were not run
}

type accountFailure struct {
	Error string `json:"error"`
	Count int    `json:"count"`
	Keys  []Key  `json:"keys,omitempty"`
}

// account returns what another node is told.
func (r *result) account() (a account, err error) {
	select {
	case <-r.done:
	default:
		return account{Pending: true}, nil
	}
	a = account{Matched: r.report.Matched, Delivered: r.report.Delivered, Dropped: r.report.Dropped, Failed: r.report.Failed}
	for _, f := range r.report.Failures {
		a.Failures = append(a.Failures, accountFailure{core.SafeText(f.Err), f.Count, f.Keys})
	}
	if err := r.unread; err != nil {
		a.Unread = core.SafeText(err)
	}
	return a, r.err
}

// asReport makes a Report of what a node has said.
func (a account) asReport() Report {
	r := Report{Matched: a.Matched, Delivered: a.Delivered, Dropped: a.Dropped, Failed: a.Failed}
	for _, f := range a.Failures {
		if len(f.Keys) == 0 {
			f.Keys = []Key{{}}
		}
		r.Failures = append(r.Failures, Failure{Err: errors.New(f.Error), Count: f.Count, Keys: f.Keys[:min(len(f.Keys), maxSample)]})
	}
	return r
}

// answer is asked by another node what became of a message, or for something else.
func (cl *cluster) answer(q relay.Question) (json.RawMessage, error) {
	<-cl.up
	if q.Seq == 0 {
		return cl.asked(q.From, q.Data)
	}
	cl.mu.Lock()
	r, _ := cl.results.Get(ref{q.From, q.Seq})
	cl.mu.Unlock()
	if r == nil {
		return nil, errors.New("nothing is known of it any more")
	}
	a, err := r.account()
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

// complete returns r with what the other nodes say, if it was asked for.
func (f *far) complete(ctx context.Context, call twk.Call, r Report) Report {
	if f == nil {
		return r
	}
	all := r // only this is on the heap, which a broadcast without a relay does without
	f.ask(ctx, call, &all)
	return all
}

func (f *far) ask(ctx context.Context, call twk.Call, r *Report) {
	if f.err != nil {
		r.Relay = f.err
		f.fail(call)
		return
	}
	if !f.wait {
		return
	}
	late, err := f.cl.poll(ctx, f.sent, nil, func(a relay.Answer) bool { return f.take(r, a) })
	if err != nil {
		r.Relay = err
	}
	for _, a := range late {
		r.Silent = append(r.Silent, nameOf(a))
	}
	r.finish()
}

// fail adds what cannot be run on other machines to the errors of the dispatch. That
// there is no connection is none: each machine goes on by itself.
func (f *far) fail(call twk.Call) {
	n, ok := errors.AsType[*notPortable](f.err)
	if !ok {
		return
	}
	err := &Error{Op: "sending to other machines", Err: n.error}
	call.Adopt(&effect.Result{Errors: []*effect.Error{{Phase: "effect", Path: call.Path(), Name: "sfere/relay", Dispatch: call.ID(), Parent: call.Parent(), Err: err}}})
}

// take adds one answer to r. It reports whether the node is still at work.
func (f *far) take(r *Report, a relay.Answer) (pending bool) {
	switch a.Fate {
	case relay.Nobody:
	case relay.Silent:
		r.Silent = append(r.Silent, nameOf(a))
	case relay.Taken:
		var said account
		if err := json.Unmarshal(a.Data, &said); err != nil {
			a.Fate, a.Reason = relay.Failed, "its answer cannot be read: "+core.SafeText(err)
			r.Unreached = append(r.Unreached, a)
			return false
		}
		if said.Pending {
			return true
		}
		r.Add(said.asReport())
		if said.Unread != "" {
			r.Unreached = append(r.Unreached, relay.Answer{Node: a.Node, Name: a.Name, Fate: relay.Refused, Reason: said.Unread})
		}
	default:
		a.Data = nil
		r.Unreached = append(r.Unreached, a)
	}
	return false
}

// nameOf returns the name of a node, with the beginning of its id.
func nameOf(a relay.Answer) string { return labelOf(a.Name, a.Node) }
