package telemetry

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// effects counts effects by name. There are as many names as the program has registered,
// but names of what it does not know come from outside.
type effects struct {
	known atomic.Pointer[map[string]*outcomes]
	mu    sync.Mutex // held while known is replaced
}

// outcomes are what has become of one effect.
type outcomes struct {
	ok, skipped atomic.Int64
	failed      [len(phaseNames)]atomic.Int64
}

// phaseNames are the phases that are told apart, by index in outcomes.failed. The last
// one stands for all others.
var phaseNames = [...]effect.Phase{
	dispatch.PhaseLookup, dispatch.PhaseDecode, dispatch.PhaseValidate, dispatch.PhasePlaceholder, dispatch.PhaseState, dispatch.PhaseSerial,
	dispatch.PhaseExpand, dispatch.PhaseInterceptor, dispatch.PhaseEffect, dispatch.PhaseLimit, dispatch.PhaseCancel, "other",
}

func phaseIndex(p effect.Phase) int {
	for i, name := range phaseNames {
		if name == p {
			return i
		}
	}
	return len(phaseNames) - 1
}

const (
	// unknown stands for names that the program has not registered, and otherEffects for
	// what comes after maxEffects.
	unknown      = "unknown"
	otherEffects = "other"
	maxEffects   = 2000
)

// of returns the counters of an effect that is registered.
func (e *effects) of(name string) *outcomes {
	if m := e.known.Load(); m != nil {
		if o := (*m)[name]; o != nil {
			return o
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	next := map[string]*outcomes{}
	if m := e.known.Load(); m != nil {
		if o := (*m)[name]; o != nil {
			return o
		}
		if len(*m) >= maxEffects {
			if name = otherEffects; (*m)[name] != nil {
				return (*m)[name]
			}
		}
		next = maps.Clone(*m)
	}
	o := &outcomes{}
	next[name] = o
	e.known.Store(&next)
	return o
}

// count counts what a result has of its own.
func (e *effects) count(res *effect.Result) {
	for i := range res.Outcomes {
		e.of(core.SafeName(res.Outcomes[i].Item)).ok.Add(1)
	}
	for _, err := range res.Errors {
		if err = err.In(res.ID); err == nil { // of a continuation, which is told of by itself
			continue
		}
		e.of(e.label(err.Item)).failed[phaseIndex(err.Phase)].Add(1)
	}
	for _, s := range res.Skipped {
		if !slices.ContainsFunc(res.Errors, func(err *effect.Error) bool { return err.Dispatch == res.ID && err.Path.String() == s.Path.String() }) {
			e.of(e.label(s.Item)).skipped.Add(1)
		}
	}
}

// label returns the name of an effect as it may be in a metric. What nobody has looked up
// yet may have any name.
func (e *effects) label(item effect.Data) string {
	if _, raw := item.(effect.Raw); raw || item == nil {
		return unknown
	}
	return core.SafeName(item)
}
