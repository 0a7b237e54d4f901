package flight

import (
	"container/heap"
	"time"
)

// later is the heap of the values that wait for a time.
type later []*Value

func (l later) Len() int           { return len(l) }
func (l later) Less(i, j int) bool { return l[i].due.Before(l[j].due) }
func (l later) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i, j
}
func (l *later) Push(x any) { v := x.(*Value); v.index = len(*l); *l = append(*l, v) }
func (l *later) Pop() any {
	old := *l
	v := old[len(old)-1]
	old[len(old)-1] = nil
	*l, v.index = old[:len(old)-1], -1
	return v
}

// wait puts v off until a time; s.mu is held.
func (s *Scheduler) wait(v *Value, until time.Time) {
	if v.place == waits && v.due.Equal(until) {
		return // the usual case of a mark among many
	}
	v.due, v.place = until, waits
	if v.index < 0 {
		heap.Push(&s.later, v)
	} else {
		heap.Fix(&s.later, v.index)
	}
	s.alarm()
}

// unwait takes v out of those that wait; s.mu is held.
func (s *Scheduler) unwait(v *Value) {
	if v.index >= 0 {
		heap.Remove(&s.later, v.index)
	}
}

// alarm sets the timer for the next value that waits; s.mu is held.
func (s *Scheduler) alarm() {
	if len(s.later) == 0 || s.closed {
		return
	}
	if s.rings.Equal(s.later[0].due) {
		return
	}
	s.rings = s.later[0].due
	d := time.Until(s.rings)
	if s.timer == nil {
		s.timer = time.AfterFunc(d, s.ring)
		return
	}
	s.timer.Reset(d)
}

// ring plans what has waited long enough.
func (s *Scheduler) ring() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rings = time.Time{}
	for len(s.later) > 0 && !s.later[0].due.After(now) {
		v := heap.Pop(&s.later).(*Value)
		v.place = rests
		switch {
		case len(v.seats) == 0:
			s.retire(v)
		case v.isDirty():
			s.plan(v, now)
		default: // it has come of age
			v.raise(now)
			s.plan(v, now)
		}
	}
	s.alarm()
}

// rest leaves v alone until it is marked, comes of age, or may be forgotten. s.mu is
// held.
func (s *Scheduler) rest(v *Value, now time.Time) {
	v.place = rests
	switch {
	case len(v.seats) == 0 && now.Before(v.notBefore) && !s.draining:
		s.wait(v, v.notBefore)
	case len(v.seats) == 0:
		s.unwait(v)
		s.retire(v)
	case v.isDirty():
		s.plan(v, now)
	case v.kind.MaxAge > 0 && !s.draining:
		s.wait(v, v.started.Add(v.kind.MaxAge))
	}
}

// retire forgets v; s.mu is held.
func (s *Scheduler) retire(v *Value) {
	v.place = retired
	if s.values[v.id] == v {
		delete(s.values, v.id)
	}
}
