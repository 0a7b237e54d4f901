package record

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/effect"
)

// Recorder keeps the last dispatches of a program, each with its continuations
// as a tree. Make one with [New] and give it to the dispatcher with
// [Interceptor]. All methods may be called from any goroutine.
//
// A Recorder holds references to the data of the effects it shows, at most
// MaxEntries per tree, until newer dispatches push them out.
type Recorder struct {
	size int

	mu      sync.Mutex // guards the fields below and everything in the nodes
	roots   []*node    // oldest first
	byID    map[id]*node
	seq     uint64
	total   uint64
	failed  uint64
	version uint64
}

// MaxEntries bounds the effects and continuations that a [Recorder] keeps of one
// tree; what is beyond is counted in Dispatch.Omitted.
const MaxEntries = 256

// Stats are the counters of a [Recorder].
type Stats struct {
	Total  uint64 // dispatches that came from outside so far
	Failed uint64 // how many of them failed
	// Version changes whenever something is recorded. Who shows a recorder asks
	// for it first, and reads the dispatches only if it is another one.
	Version uint64
}

// New returns a recorder of the last size dispatches from outside; those that
// continue another one, and those of no items, do not count. 0 means 200.
func New(size int) *Recorder {
	if size <= 0 {
		size = 200
	}
	return &Recorder{size: size, byID: map[id]*node{}}
}

// begin records that a dispatch starts.
func (r *Recorder) begin(ctx context.Context, of id, parent uint64, items effect.List) *node {
	n := &node{id: of, d: Dispatch{
		ID: of.id, Parent: parent, Began: time.Now(), Running: true, Dry: effect.IsDry(ctx), Names: names(items),
	}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	n.d.Seq = r.seq
	at := r.continued(ctx, of.source, parent)
	if at.n == nil && len(items) == 0 { // a stream that opens, say; there is nothing to see
		n.tree, n.hidden = &tree{nodes: []*node{n}}, true
		return n
	}
	if at.n == nil {
		r.total++
		r.root(n)
		r.changed(n)
		return n
	}
	n.tree = at.n.tree
	r.changed(n)
	if n.hidden = at.n.hidden || !n.tree.room(); n.hidden {
		return n
	}
	n.tree.nodes = append(n.tree.nodes, n)
	r.byID[n.id] = n
	if at.s != nil {
		at.s.nested = append(at.s.nested, n)
	} else {
		at.n.nested = append(at.n.nested, n)
	}
	return n
}

// changed notes that the tree of n is not what it was.
func (r *Recorder) changed(n *node) {
	r.version++
	n.tree.rev = r.version
}

// continued returns the place that the dispatch of ctx continues.
func (r *Recorder) continued(ctx context.Context, src *source, parent uint64) place {
	if parent == 0 {
		return place{}
	}
	p := r.placeOf(ctx)
	if p.n == nil || p.n.id != (id{src, parent}) { // the handler passed on another context
		p = place{n: r.byID[id{src, parent}]}
	}
	if p.n == nil || p.n.tree.gone {
		return place{}
	}
	return p
}

// root makes n the newest tree and pushes out what is too old.
func (r *Recorder) root(n *node) {
	n.tree = &tree{nodes: []*node{n}}
	r.byID[n.id] = n
	r.roots = append(r.roots, n)
	if len(r.roots) <= r.size {
		return
	}
	old := r.roots[0].tree
	old.gone = true
	for _, o := range old.nodes {
		if r.byID[o.id] == o {
			delete(r.byID, o.id)
		}
	}
	r.roots[0] = nil
	r.roots = r.roots[1:]
}

// enter records that an item is about to run.
func (r *Recorder) enter(ctx context.Context, path effect.Path, kind Kind, item effect.Data) place {
	p := r.placeOf(ctx)
	if p.n == nil {
		return place{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(p.n)
	p.s = p.n.add(path, kind, name(item), item)
	if p.s != nil {
		p.s.s.Began, p.s.s.State = time.Now(), Running
	}
	return p
}

// leave records what came of an item.
func (r *Recorder) leave(p place, v any, err error) {
	if p.s == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(p.n)
	s := &p.s.s
	s.Took, s.Value, s.State = time.Since(s.Began), kept(v), Done
	switch {
	case effect.IsSkip(err):
		s.State, s.Error = Skipped, err
	case err != nil:
		s.State, s.Error = Failed, err
	}
}

// end records that a dispatch is over. Its result knows of items that never
// reached the interceptors, and has the last word about those that did.
func (r *Recorder) end(n *node, res *effect.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(n)
	n.d.Took, n.d.Running = time.Since(n.d.Began), false
	if res == nil {
		return
	}
	if n.d.Failed = len(res.Errors) > 0; n.d.Failed && n.tree.nodes[0] == n {
		r.failed++
	}
	for _, e := range res.Errors {
		if e = e.In(res.ID); e == nil {
			continue // of a continuation, which shows it
		}
		if s := n.find(e.Path, short(e.Name), e.Item); s != nil {
			s.s.State, s.s.Error, s.s.Phase, s.s.By = Failed, e.Err, e.Phase, e.By
		}
	}
	for _, k := range res.Skipped {
		if s := n.find(k.Path, name(k.Item), k.Item); s != nil {
			s.s.State, s.s.Error, s.s.By = Skipped, k.Reason, k.By
		}
	}
}

// Recent returns the recorded dispatches as whole trees, newest first. The slice
// belongs to the caller; see [Dispatch] for what is in it.
func (r *Recorder) Recent() []Dispatch { return r.each((*node).copy) }

// Summaries is [Recorder.Recent] without steps and continuations, which costs a
// fraction of it.
func (r *Recorder) Summaries() []Dispatch { return r.each((*node).alone) }

// each returns what of makes of each recorded dispatch, newest first.
func (r *Recorder) each(of func(*node) Dispatch) []Dispatch {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Dispatch, 0, len(r.roots))
	for _, n := range slices.Backward(r.roots) {
		out = append(out, of(n))
	}
	return out
}

// Get returns the recorded dispatch whose Seq is seq as a whole tree. ok is false
// if it is not kept any more, or did not come from outside.
func (r *Recorder) Get(seq uint64) (d Dispatch, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.roots {
		if n.d.Seq == seq {
			return n.copy(), true
		}
	}
	return Dispatch{}, false
}

// Stats returns the counters.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{r.total, r.failed, r.version}
}

// SeqOf returns the Seq of the newest dispatch from outside whose Result has this
// ID. ok is false if none is kept. Numbers of results are unique in a dispatcher
// only; of several that share the recorder, the last one counts.
func (r *Recorder) SeqOf(id uint64) (seq uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range slices.Backward(r.roots) {
		if n.d.ID == id {
			return n.d.Seq, true
		}
	}
	return 0, false
}
