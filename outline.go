package sfere

import (
	"context"
	"errors"
	"sync"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/sse"
	"github.com/sfere-go/sfere/twk"
)

// step is one item of a broadcast, after it was tried once for all recipients.
type step struct {
	item   effect.Data // with its late values resolved, if each is not set
	each   bool        // it has to run for each recipient
	frames []*sse.Frame
	failed bool // for all; the error is known
}

// errShared is the failure of an item that has failed for all.
var errShared = errors.New("this item has failed for all recipients")

// outline is the outlet that effects write to while they run once for all.
type outline struct {
	mu   sync.Mutex // guards the fields below; interceptors may run effects on goroutines of their own
	list []step
	at   int
	done bool

	// Most broadcasts have one step with one frame; this is its memory.
	one   [1]step
	frame [1]*sse.Frame
}

// try tries the items once for all recipients. some tells whether any has to run
// for each.
func (p *outline) try(ctx context.Context, call twk.Call, items effect.List, each bool) (list []step, some bool, err error) {
	if p.list = p.one[:]; len(items) > 1 {
		p.list = make([]step, len(items))
	}
	for i, item := range items {
		p.list[i] = step{item: item, each: each}
	}
	if each {
		return p.list, true, nil
	}
	res, all := call.DispatchShared(ctx, p, items...)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	for i := range p.list {
		if all {
			p.list[i] = step{item: items[i], each: true}
		}
		some = some || p.list[i].each
	}
	if all {
		return p.list, true, nil
	}
	for _, e := range res.Errors {
		if e = e.In(res.ID); e == nil { // of a continuation, whose paths are its own
			continue
		}
		if i := e.Path.Indices()[0]; i < len(p.list) && e.Name != "dispatch" {
			p.list[i].failed = true
		}
	}
	return p.list, some, res.Err()
}

// SetUp makes p the outlet of the effects.
func (p *outline) SetUp(s *twk.Session) { *s = twk.Session{Out: p} }

// Begin notes which item runs now.
func (p *outline) Begin(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = i
	p.list[i].frames = nil // of an attempt before
}

// End notes what has become of it.
func (p *outline) End(i int, item any, each bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.list[i].each = each; each {
		p.list[i].frames = nil
	} else {
		p.list[i].item, _ = item.(effect.Data)
	}
}

// Emit adds frames to those of the item that runs. What comes of one that has asked
// counts for nothing, also if it was given up and the next one runs by now.
func (p *outline) Emit(ctx context.Context, frames ...*sse.Frame) error {
	if core.ShareOf(ctx).Asked() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done { // the recipients are no longer known
		return sse.ErrClosed
	}
	s := &p.list[p.at]
	if s.frames == nil && p.frame[0] == nil {
		s.frames = p.frame[:0]
	}
	s.frames = append(s.frames, frames...)
	return nil
}

// Gathers says that frames are kept in memory until a broadcast sends them.
func (p *outline) Gathers() {}
