package flight

import (
	"context"
	"math/rand/v2"
	"time"
)

// jitter returns a time about d, so that what has failed together is not tried
// together.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2) }

// Drain renders everything that is marked, waiting for no interval, and returns when
// nothing is, or with the error of ctx. What fails is not waited for.
func (s *Scheduler) Drain(ctx context.Context) error {
	now := time.Now()
	s.mu.Lock()
	s.draining = true
	for _, v := range append([]*Value(nil), s.later...) {
		s.unwait(v)
		v.place = rests
		s.rest(v, now)
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.settled()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.draining = false
		s.mu.Unlock()
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settled tells who drains when nothing is left that could be rendered now. s.mu is
// held.
func (s *Scheduler) settled() {
	if s.idle != nil && s.workers == 0 && len(s.ready) == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// Close ends all renders and waits for them, but for those that do not heed the end
// of their context. Nothing is handed out afterwards.
func (s *Scheduler) Close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, v := range s.values {
		v.release(v.want, ErrClosed)
	}
	s.mu.Unlock()
	s.stop()
	s.ended.Wait()
}
