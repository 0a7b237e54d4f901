package record

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// Recorder keeps the last dispatches of a program, each with its continuations
// as a tree. Make one with [New] or [NewWith] and give it to the dispatcher with
// [Interceptor]. All methods may be called from any goroutine.
type Recorder struct {
	size    int // dispatches
	max     int // bytes
	secrets *secrets
	ctx     bool // Options.Ctx

	mu      sync.Mutex // guards the fields below and everything in the nodes
	roots   []*node    // oldest first
	byID    map[id]*node
	bytes   int
	likes   map[uint64]int // of roots that may be folded, by Dispatch.Like
	seed    maphash.Seed
	buf     []byte // of like
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
	Bytes  int    // what is kept takes up, as the recorder reckons it
	// Version changes whenever something is recorded. Who shows a recorder asks
	// for it first, and reads the dispatches only if it is another one.
	Version uint64
}

// New returns a recorder of the last size dispatches from outside; 0 means the
// default. It is [NewWith] with Options.Entries.
func New(size int) *Recorder { return NewWith(&Options{Entries: size}) }

// NewWith returns a recorder. nil options mean the defaults; o is not kept.
func NewWith(o *Options) *Recorder {
	var v Options
	if o != nil {
		v = *o
	}
	if v.Entries <= 0 {
		v.Entries = defaultEntries
	}
	if v.Bytes <= 0 {
		v.Bytes = defaultBytes
	}
	return &Recorder{size: v.Entries, max: v.Bytes, secrets: secretsOf(v.Secrets), ctx: v.Ctx, byID: map[id]*node{}, likes: map[uint64]int{}, seed: maphash.MakeSeed()}
}

// keeper returns a keeper for one value.
func (r *Recorder) keeper() keeper { return keeper{secrets: r.secrets, left: min(MaxValue, r.max/8)} }

// kept returns what is kept of effect data. It must not be called under the lock.
func (r *Recorder) kept(item effect.Data) data {
	k := r.keeper()
	kept := k.item(item)
	return data{item: kept, bytes: k.used, omitted: k.omitted, hid: k.hid, found: k.found}
}

// begin records that a dispatch starts.
func (r *Recorder) begin(ctx context.Context, of id, parent uint64, items effect.List, o origin, root any, runs core.Runner) *node {
	n := &node{id: of, each: o.each, d: Dispatch{
		ID: of.id, Parent: parent, Began: time.Now(), Running: true, Dry: effect.IsDry(ctx), Names: names(items), Targets: targets(items),
		Request: o.request, Stream: o.stream, Key: o.key, Times: 1,
	}}
	n.d.First = n.d.Began
	size := overhead + len(o.request) + len(o.key)
	for _, text := range slices.Concat(n.d.Names, n.d.Targets) {
		size += len(text)
	}
	var given given
	if !r.continues(ctx, of.source, parent) {
		given = r.given(items, root, runs)
	}
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
		n.tree = &tree{nodes: []*node{n}, found: given.found}
		n.d.Given, n.d.More, n.d.Ctx = given.items, given.more, given.ctx
		r.byID[n.id] = n
		r.roots = append(r.roots, n)
		r.add(n, size+given.bytes)
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
	n.siblings = &at.n.nested
	if at.s != nil {
		n.siblings = &at.s.nested
	}
	*n.siblings = append(*n.siblings, n)
	r.add(n, size)
	return n
}

// changed notes that the tree of n is not what it was.
func (r *Recorder) changed(n *node) {
	r.version++
	n.tree.rev = r.version
}

// continues reports whether the dispatch of ctx continues one that is kept.
func (r *Recorder) continues(ctx context.Context, src *source, parent uint64) bool {
	if parent == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.continued(ctx, src, parent).n != nil
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

// fill puts data into a step, or a note of its size if the tree has too much
// already.
func (r *Recorder) fill(n *node, s *step, d data) {
	n.tree.found.learn(d.found)
	s.found.learn(d.found)
	s.s.Omitted += d.omitted
	if n.tree.bytes+d.bytes > r.max/4 {
		s.s.Omitted += d.bytes
		return
	}
	if d.item != nil {
		s.s.Item = d.item
	}
	if d.value != nil {
		s.s.Value = d.value
	}
	r.add(n, d.bytes)
}

// enter records that an item is about to run.
func (r *Recorder) enter(ctx context.Context, path effect.Path, kind Kind, item effect.Data) place {
	p := r.placeOf(ctx)
	if p.n == nil {
		return place{}
	}
	called, kept := name(item), p.n.shared(path, r.kept(item))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(p.n)
	p.n.tree.found.learn(kept.found) // also of what is counted only
	if p.s = p.n.add(path, kind, called); p.s != nil {
		p.s.s.Began, p.s.s.State = time.Now(), Running
		r.fill(p.n, p.s, kept)
		r.add(p.n, overhead+len(called))
	}
	return p
}

// leave records what came of an item.
func (r *Recorder) leave(p place, v any, err error) {
	if p.s == nil {
		return
	}
	took := time.Since(p.s.s.Began)
	k := r.keeper()
	kept := data{value: k.value(v)}
	kept.bytes, kept.omitted, kept.found = k.used, k.omitted, k.found
	text := r.text(p.n, p.s, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(p.n)
	p.s.found = finds{}
	s := &p.s.s
	s.Took, s.State = took, Done
	r.fill(p.n, p.s, kept)
	switch {
	case effect.IsSkip(err):
		s.State = Skipped
	case err != nil:
		s.State = Failed
	}
	r.say(p.n, p.s, text)
}

// said is what is kept of an error.
type said struct {
	err     error
	omitted int
}

// text returns what is kept of an error in the tree of n. It must not be called
// under the lock.
func (r *Recorder) text(n *node, s *step, err error) said {
	if err == nil {
		return said{}
	}
	k := r.keeper()
	r.mu.Lock()
	k.found.learn(n.tree.found)
	if s != nil {
		k.found.learn(s.found)
	}
	r.mu.Unlock()
	text := k.err(err)
	return said{text, k.omitted}
}

// say sets the error of a step.
func (r *Recorder) say(n *node, s *step, e said) {
	if e.err == nil {
		return
	}
	if s.s.Error != nil {
		r.add(n, -len(s.s.Error.Error())) // a textError
	}
	s.s.Error = e.err
	s.s.Omitted += e.omitted
	r.add(n, len(e.err.Error()))
}

// last is the last word of a result about one of its items.
type last struct {
	path  effect.Path
	name  string
	item  effect.Data
	state State
	err   error
	phase effect.Phase
	by    string
}

// end records that a dispatch is over. Its result knows of items that never
// reached the interceptors, and has the last word about those that did. A key that
// its stream has got meanwhile is that of the dispatch.
func (r *Recorder) end(n *node, res *effect.Result, o origin) {
	var words []last
	if res != nil {
		for _, e := range res.Errors {
			if e = e.In(res.ID); e != nil { // one of a continuation alone is shown there
				words = append(words, last{e.Path, cut(e.Name), e.Item, Failed, e.Err, e.Phase, e.By})
			}
		}
		for _, k := range res.Skipped {
			words = append(words, last{k.Path, name(k.Item), k.Item, Skipped, k.Reason, "", k.By})
		}
	}
	for _, w := range words {
		r.conclude(n, w)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed(n)
	n.d.Took, n.d.Running = time.Since(n.d.Began), false
	if n.d.Key == "" && o.key != "" {
		n.d.Key, n.d.Stream = o.key, o.stream
		r.add(n, len(o.key))
	}
	root := n.tree.nodes[0] == n
	if res != nil {
		if n.d.Failed = len(res.Errors) > 0; n.d.Failed && root {
			r.failed++
		}
	}
	if n.tree.gone {
		return
	}
	n.d.Like = r.like(n)
	if !n.tree.nodes[0].d.Running {
		n.tree.found = finds{}
	}
	if root {
		r.alike(n)
		return
	}
	r.join(n)
}

// conclude records the last word about an item.
func (r *Recorder) conclude(n *node, w last) {
	r.mu.Lock()
	known := n.find(w.path) != nil
	r.mu.Unlock()
	var kept data
	if !known {
		kept = r.kept(w.item)
		r.mu.Lock()
		n.tree.found.learn(kept.found)
		r.mu.Unlock()
	}
	text := r.text(n, nil, w.err)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := n.find(w.path)
	if s == nil {
		if s = n.add(w.path, "", w.name); s == nil {
			return
		}
		r.add(n, overhead+len(w.name))
		r.fill(n, s, kept)
	}
	s.s.State, s.s.Phase, s.s.By = w.state, w.phase, w.by
	r.say(n, s, text)
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
	return Stats{r.total, r.failed, r.bytes, r.version}
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
