package inspect

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sfere-go/sfere/effect"
)

// Recorder keeps the last dispatches of a program, each with its continuations
// as a tree. Make one with [NewRecorder] and give it to the dispatcher with
// [Record]. All methods may be called from any goroutine.
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

// id finds a dispatch again whose context did not reach its continuation.
type id struct {
	source *source
	id     uint64
}

// source is what dispatch numbers are unique in.
type source struct{ _ byte }

// node is a Dispatch that is being recorded. A continuation shares its root with
// the dispatch it continues.
type node struct {
	d      Dispatch // without steps and continuations
	id     id
	steps  []*step
	nested []*node
	tree   *tree
	hidden bool // beyond MaxEntries; its steps are counted only
}

// step is a Step that is being recorded.
type step struct {
	s      Step // without continuations
	path   effect.Path
	nested []*node
}

// tree is what the nodes of one root share.
type tree struct {
	entries int
	omitted int
	rev     uint64 // Recorder.version at the last change
	gone    bool   // pushed out; continuations that still come begin a new tree
	nodes   []*node
}

// NewRecorder returns a recorder of the last size dispatches from outside; those
// that continue another one, and those of no items, do not count. 0 means 200.
func NewRecorder(size int) *Recorder {
	if size <= 0 {
		size = 200
	}
	return &Recorder{size: size, byID: map[id]*node{}}
}

// Record returns an interceptor that lets r see every dispatch. It changes
// nothing. Register it before all others: it sees what those further in do.
func Record[C any](r *Recorder) effect.Intercepting[C] {
	src := new(source)
	return effect.Intercept(effect.Interceptor[C]{
		Name: "inspect",
		Dispatch: func(next effect.Dispatcher[C]) effect.Dispatcher[C] {
			return func(ctx context.Context, call *effect.Call[C], items effect.List) *effect.Result {
				n := r.begin(ctx, id{src, call.ID()}, call.Parent(), items)
				res := next(r.at(ctx, place{n, nil}), call, items)
				r.end(n, res)
				return res
			}
		},
		Action: func(next effect.Expander[C]) effect.Expander[C] {
			return func(ctx context.Context, call *effect.Call[C], item effect.Data) (effect.List, error) {
				p := r.enter(ctx, call.Path(), StepAction, item)
				list, err := next(r.at(ctx, p), call, item)
				r.leave(p, nil, err)
				return list, err
			}
		},
		Effect: func(next effect.Handler[C]) effect.Handler[C] {
			return func(ctx context.Context, call *effect.Call[C], item effect.Data) (any, error) {
				p := r.enter(ctx, call.Path(), StepEffect, item)
				v, err := next(r.at(ctx, p), call, item)
				r.leave(p, v, err)
				return v, err
			}
		},
	})
}

// place is where in a recording a context belongs to.
type place struct {
	n *node
	s *step // nil between the steps
}

// placeKey belongs to one recorder: a dispatcher may have several.
type placeKey struct{ r *Recorder }

func (r *Recorder) at(ctx context.Context, p place) context.Context {
	return context.WithValue(ctx, placeKey{r}, p)
}

func (r *Recorder) placeOf(ctx context.Context) place {
	p, _ := ctx.Value(placeKey{r}).(place)
	return p
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

// room reports whether one more entry fits, and counts it.
func (t *tree) room() bool {
	if t.entries >= MaxEntries {
		t.omitted++
		return false
	}
	t.entries++
	return true
}

// enter records that an item is about to run.
func (r *Recorder) enter(ctx context.Context, path effect.Path, kind StepKind, item effect.Data) place {
	p := r.placeOf(ctx)
	if p.n == nil {
		return place{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(p.n)
	p.s = p.n.add(path, kind, name(item), item)
	if p.s != nil {
		p.s.s.Began, p.s.s.State = time.Now(), StateRunning
	}
	return p
}

// add appends a step, if there is room.
func (n *node) add(path effect.Path, kind StepKind, name string, item effect.Data) *step {
	if n.hidden {
		n.tree.omitted++
		return nil
	}
	if !n.tree.room() {
		return nil
	}
	s := &step{path: path, s: Step{Kind: kind, Name: name, Item: item}}
	n.steps = append(n.steps, s)
	return s
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
	s.Took, s.Value, s.State = time.Since(s.Began), kept(v), StateDone
	switch {
	case effect.IsSkip(err):
		s.State, s.Error = StateSkipped, err
	case err != nil:
		s.State, s.Error = StateFailed, err
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
		if e.Dispatch != res.ID {
			continue // of a continuation, which shows it
		}
		if s := n.find(e.Path, short(e.Name), e.Item); s != nil {
			s.s.State, s.s.Error, s.s.Phase, s.s.By = StateFailed, e.Err, e.Phase, e.By
		}
	}
	for _, k := range res.Skipped {
		if s := n.find(k.Path, name(k.Item), k.Item); s != nil {
			s.s.State, s.s.Error, s.s.By = StateSkipped, k.Reason, k.By
		}
	}
}

// find returns the step at path, made if there is none and room for it.
func (n *node) find(path effect.Path, name string, item effect.Data) *step {
	for _, s := range slices.Backward(n.steps) {
		if s.path.Equal(path) {
			return s
		}
	}
	return n.add(path, "", name, item)
}

func names(items effect.List) []string {
	var out []string
	for i, item := range items {
		if i == 8 {
			break // enough to recognise it
		}
		out = append(out, name(item))
	}
	return out
}

// maxName bounds names in bytes: those in wire form may be anything.
const maxName = 120

// name returns the name of item, whatever it is: this runs before anything has
// been checked.
func name(item effect.Data) (s string) {
	defer func() {
		if recover() != nil {
			s = "?"
		}
	}()
	return short(item.EffectName())
}

func short(name string) string {
	if len(name) <= maxName {
		return name
	}
	return strings.ToValidUTF8(name[:maxName], "") + "…"
}
