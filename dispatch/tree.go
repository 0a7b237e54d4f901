package dispatch

import (
	"fmt"
	"sync/atomic"

	"github.com/sfere-go/sfere/effect"
)

// tree is what the continuations of one dispatch from outside share: limits that
// hold for each of them would let an effect that dispatches itself twice run 2^100
// times, and nine broadcasts inside each other 20^9 times.
type tree struct {
	all  atomic.Int64 // items of continuations, of all levels
	deep atomic.Int64 // those over treeFree deep
	free bool         // the dispatch that it began in has returned; constant
}

// treeFree is the last level whose continuations do not count as deep.
const treeFree = 10

// take counts an item of r. The first one was counted when r, or the attempt, began.
func (t *tree) take(r *run) error {
	if r.n > 1 {
		return t.add(r.level, &r.e.opts)
	}
	return t.left(&r.e.opts)
}

// add counts an item, or a continuation with its first, at level.
func (t *tree) add(level int32, o *Options) error {
	t.all.Add(1)
	if level > treeFree {
		t.deep.Add(1)
	}
	return t.left(o)
}

// left says which limit is exceeded, nil if none.
func (t *tree) left(o *Options) error {
	switch {
	case t.all.Load() > int64(o.MaxTotal):
		return fmt.Errorf("%w: more than %d in its continuations", ErrBudget, o.MaxTotal)
	case t.deep.Load() > int64(o.MaxItems):
		return fmt.Errorf("%w: more than %d in continuations over %d deep", ErrBudget, o.MaxItems, treeFree)
	}
	return nil
}

// refused is the result of a continuation that must not begin, not even its
// interceptors. It is nil if there is no limit in the way. tell is false if its
// dispatch has reported that already: a handler that goes on and on would
// otherwise report the same thousands of times.
func (r *run) refused(m *more, child *run, items effect.List) (res *effect.Result, tell bool) {
	var err error
	told := &m.tooDeep
	if o := &r.e.opts; int(child.level) > o.MaxDepth {
		err = fmt.Errorf("%w: %d continuations deep", ErrDepth, o.MaxDepth)
	} else if err = child.tree.add(child.level, o); err != nil {
		told = &m.spent
	} else {
		return nil, false
	}
	var first effect.Data
	if len(items) > 0 {
		first = items[0]
	}
	child.fail(PhaseLimit, effect.Path{}, first, "", err)
	for i, item := range items {
		child.skip(effect.NewPath(i), item, "", err)
	}
	child.res.Errors = child.finish()
	return &child.res, !told.Swap(true)
}
