package core

import (
	"context"
	"sync/atomic"
)

// Share tells whether something that runs once for many recipients has asked who
// the recipient is. What has asked is run again, for each. All methods may be
// called from any goroutine, and on a nil Share.
type Share struct {
	// After says that something before has to run for each, so that what looks at
	// the state has to as well. Constant.
	After bool
	asked atomic.Bool
}

// Ask notes that somebody has asked.
func (s *Share) Ask() {
	if s != nil {
		s.asked.Store(true)
	}
}

// Asked reports whether somebody has asked.
func (s *Share) Asked() bool { return s != nil && s.asked.Load() }

type shareKey struct{}

// sharing is a context in which ShareOf gives share.
type sharing struct {
	context.Context
	share *Share
}

func (s *sharing) Value(key any) any {
	if key == (shareKey{}) {
		return s.share
	}
	return s.Context.Value(key)
}

// ShareOf returns the Share of the innermost Trial or Together, nil if none.
func ShareOf(ctx context.Context) *Share {
	s, _ := ctx.Value(shareKey{}).(*Share)
	return s
}

// Together says that a list runs once for many recipients.
type Together struct {
	// All is asked by what runs for the whole list.
	All Share
	// Ctx changes the zero Ctx that the list runs against.
	Ctx interface{ Change(root any) }
	// Track is told of each item.
	Track Tracker
	// First is the memory of the first trial. Most lists need no other.
	First Trial

	bare bare
}

// Bare returns a context with those values of ctx only that go to the recipients
// of a broadcast. ShareOf gives &t.All. It ends when ctx does. It may be called
// once.
func (t *Together) Bare(ctx context.Context) context.Context {
	t.bare = bare{ctx, &t.All}
	return &t.bare
}

// Trial is what an item runs in once for all recipients, and the next one after it
// if nobody has asked.
type Trial struct {
	Share Share
	Scope Scope
	Ctx   context.Context

	slot Slot
	ctx  sharing
}

// Begin makes t ready for items that run in ctx with calls of scope.
func (t *Trial) Begin(ctx context.Context, scope *Scope, after bool) {
	t.Share.After = after
	t.slot.Share = &t.Share
	t.Scope = Scope{Root: scope.Root, Of: scope.Of, Slot: &t.slot}
	t.ctx = sharing{ctx, &t.Share}
	t.Ctx = &t.ctx
}

// Tracker is called around each item of a list that runs once for many, on the
// goroutine that runs it. each tells that the item has to run for each recipient;
// item is the effect data then, or with its late values resolved.
type Tracker interface {
	Begin(index int)
	End(index int, item any, each bool)
}

// Prepared says that some items of a list have been prepared for all recipients.
// Do is called in the place of the handler, or of the expansion; ok is false for an
// item that has not.
type Prepared struct {
	Do func(ctx context.Context, index int) (ok bool, err error)
}

// recipientsKey is implemented by the types of keys whose values go to the
// recipients of a broadcast: those of the dispatcher, and of programs that want it.
type recipientsKey interface{ ForRecipients() }

func (dryKey) ForRecipients() {}

// ForRecipients reports whether the value of key goes to the recipients of a
// broadcast.
func ForRecipients(key any) bool {
	_, ok := key.(recipientsKey)
	return ok
}

type bare struct {
	context.Context
	share *Share
}

func (b *bare) Value(key any) any {
	if key == (shareKey{}) {
		return b.share
	}
	if ForRecipients(key) {
		return b.Context.Value(key)
	}
	return nil
}

type streamKey struct{}

// WithStream returns a ctx of the first effects of a stream.
func WithStream(ctx context.Context, stream any) context.Context {
	return context.WithValue(ctx, streamKey{}, stream)
}

// StreamOf returns the stream whose first effects ctx belongs to, nil if none.
func StreamOf(ctx context.Context) any { return ctx.Value(streamKey{}) }
