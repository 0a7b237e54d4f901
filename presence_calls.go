package sfere

import (
	"reflect"
	"runtime"
)

// wake sees to it that the queue is worked off. w.mu is held.
func (w *Presence) wake() {
	switch {
	case w.stopped || w.running:
	case w.opts.Joined == nil && w.opts.Left == nil:
		w.advance()
	default:
		w.running = true
		w.calls.Add(1)
		go w.run()
	}
}

// run makes the callbacks until there are none to make.
func (w *Presence) run() {
	defer w.calls.Done()
	for {
		v, f := w.next()
		if f == nil {
			return
		}
		w.call(f, v)
	}
}

// next brings the list up to the next change that somebody wants to be told of,
// and returns it. f is nil if there is none.
func (w *Presence) next() (v Visitor, f func(Visitor)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.stopped && w.queue.Len() > 0 {
		v, joined := w.advance()
		if f := w.opts.Left; !joined && f != nil {
			return v, f
		}
		if f := w.opts.Joined; joined && f != nil {
			return v, f
		}
	}
	w.running = false
	return Visitor{}, nil
}

// advance makes the first change of the queue. w.mu is held.
func (w *Presence) advance() (told Visitor, joined bool) {
	v := w.queue.Remove(w.queue.Front()).(*visit)
	v.turn = nil
	w.seq++
	v.told.Seq = w.seq
	if v.here {
		v.told.Since = v.since
		v.at = w.list.PushBack(v)
	} else {
		w.list.Remove(v.at)
		v.at = nil
	}
	told, joined = v.told, v.here
	w.settle(v)
	return told, joined
}

// call makes one callback.
func (w *Presence) call(f func(Visitor), v Visitor) {
	defer contain("presence callback")
	f(v)
}

// callName is the name of [Presence.call] on a stack.
var callName = runtime.FuncForPC(reflect.ValueOf((*Presence).call).Pointer()).Name()

// inCallback reports whether the calling goroutine is one that makes callbacks.
func inCallback() bool {
	for skip, pcs := 2, make([]uintptr, 64); ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		if n == 0 {
			return false
		}
		for frames := runtime.CallersFrames(pcs[:n]); ; {
			f, more := frames.Next()
			if f.Function == callName {
				return true
			}
			if !more {
				break
			}
		}
	}
}
