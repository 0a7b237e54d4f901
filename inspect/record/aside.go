package record

import (
	"context"
	"hash/maphash"
	"sync"
)

// Aside keeps what is dispatched with one context, in place of the recorders of the
// dispatchers. Make one with [Apart]. It may be used from any goroutine.
type Aside struct {
	once sync.Once
	rec  *Recorder // of the first dispatcher that runs something, but for what it has kept
}

// asideKey finds the Aside of a context.
type asideKey struct{}

// ForRecipients lets what runs for the recipients of a broadcast be recorded aside as
// well.
func (asideKey) ForRecipients() {}

// Apart returns ctx so that what is dispatched with it is recorded in the [Aside] and
// nowhere else, under the options of the dispatcher's own recorder. It is for those who
// want to see what one dispatch does, such as tests.
func Apart(ctx context.Context) (context.Context, *Aside) {
	a := &Aside{}
	return context.WithValue(ctx, asideKey{}, a), a
}

// Last returns the newest dispatch from outside, as a whole tree. ok is false if there
// is none: nothing was dispatched, no items were, or the dispatcher has no recorder.
func (a *Aside) Last() (d Dispatch, ok bool) {
	a.once.Do(func() {}) // whoever comes later records nothing
	if a.rec == nil {
		return Dispatch{}, false
	}
	all := a.rec.Recent()
	if len(all) == 0 {
		return Dispatch{}, false
	}
	return all[0], true
}

// of returns the recorder that records what is dispatched with ctx.
func (r *Recorder) of(ctx context.Context) *Recorder {
	a, ok := ctx.Value(asideKey{}).(*Aside)
	if !ok {
		return r
	}
	a.once.Do(func() {
		a.rec = &Recorder{size: 1, max: r.max, secrets: r.secrets, byID: map[id]*node{}, likes: map[uint64]int{}, seed: maphash.MakeSeed()}
	})
	if a.rec == nil { // it was asked before anything ran
		return r
	}
	return a.rec
}
