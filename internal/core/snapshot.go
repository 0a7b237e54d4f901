package core

import (
	"context"
	"sync"
)

// Snapshot holds the states that the actions of one effect.Batch see: for all
// actions of a registry the same. The zero Snapshot is ready.
type Snapshot struct {
	mu     sync.Mutex // guards states; no state function runs under it
	states map[*State]*taking
}

// taking is a state from when it is asked for.
type taking struct {
	done  chan struct{} // closed when the fields below are final
	state any
	ok    bool
}

// State returns the state of st and asks fresh for it if nobody has got one yet.
// Whoever comes while another asks waits for that, or until ctx ends; if it gets
// none, the next one asks. An error is not kept.
func (s *Snapshot) State(ctx context.Context, st *State, fresh func() (any, error)) (any, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	for {
		s.mu.Lock()
		t := s.states[st]
		if t == nil {
			t = &taking{done: make(chan struct{})}
			if s.states == nil {
				s.states = map[*State]*taking{}
			}
			s.states[st] = t
			s.mu.Unlock()
			return s.take(st, t, fresh)
		}
		s.mu.Unlock()
		select {
		case <-t.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if t.ok {
			return t.state, nil
		}
	}
}

func (s *Snapshot) take(st *State, t *taking, fresh func() (any, error)) (state any, err error) {
	defer func() { // also when fresh ends the goroutine
		if !t.ok {
			s.mu.Lock()
			delete(s.states, st)
			s.mu.Unlock()
		}
		close(t.done)
	}()
	if state, err = fresh(); err == nil {
		t.state, t.ok = state, true
	}
	return state, err
}
