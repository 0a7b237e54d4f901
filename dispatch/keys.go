package dispatch

import (
	"container/list"
	"context"
	"maps"
	"sync"
	"sync/atomic"
)

// keys are the keys of a dispatcher that are held. Whoever waits for one gets it
// in turn.
type keys struct {
	n     atomic.Int32 // how many are held
	mu    sync.Mutex
	queue map[string]*list.List // of chan struct{}, by held key; nil if nobody waits
	peak  int                   // most keys since queue was made
}

// keysKept is how many keys the map may have room for that it does not need.
const keysKept = 64

// take waits for key and takes it. The error is that of ctx.
func (k *keys) take(ctx context.Context, key string) error {
	k.mu.Lock()
	waiting, held := k.queue[key]
	if !held {
		if k.queue == nil {
			k.queue = map[string]*list.List{}
		}
		k.queue[key] = nil
		k.peak = max(k.peak, len(k.queue))
		k.n.Store(int32(len(k.queue)))
		k.mu.Unlock()
		return nil
	}
	if waiting == nil {
		waiting = list.New()
		k.queue[key] = waiting
	}
	turn := make(chan struct{})
	at := waiting.PushBack(turn)
	k.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-turn: // both at once
		k.pass(key)
	default:
		waiting.Remove(at)
	}
	return cancelled(ctx)
}

// free gives key to whoever has waited longest.
func (k *keys) free(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pass(key)
}

// pass is free with k.mu held.
func (k *keys) pass(key string) {
	if waiting := k.queue[key]; waiting != nil && waiting.Len() > 0 {
		close(waiting.Remove(waiting.Front()).(chan struct{}))
		return
	}
	delete(k.queue, key)
	k.n.Store(int32(len(k.queue)))
	if k.peak > keysKept && len(k.queue) < k.peak/4 { // a map never shrinks by itself
		old := k.queue
		k.queue, k.peak = make(map[string]*list.List, len(old)), len(old)
		maps.Copy(k.queue, old)
	}
}
