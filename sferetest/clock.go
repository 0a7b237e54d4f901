package sferetest

import (
	"slices"
	"sync"
	"time"

	"github.com/sfere-go/sfere"
)

// Clock is a [sfere.Clock] that a test moves by hand. Make one with [NewClock];
// it may be used from any goroutine.
type Clock struct {
	mu     sync.Mutex // guards the fields below; nothing is called under it
	now    time.Time
	timers []*timer // in the order in which they were set
}

type timer struct {
	at time.Time
	f  func()
}

var _ sfere.Clock = (*Clock)(nil)

// NewClock returns a clock that shows some time.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

// Now implements [sfere.Clock].
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements [sfere.Clock]; f is called by [Clock.Advance].
func (c *Clock) AfterFunc(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timers = slices.DeleteFunc(c.timers, func(o *timer) bool { return o == t })
	}
}

// Advance moves the clock on by d. It stops at every timer on the way, in their
// order, and calls its function on the calling goroutine.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		next := -1
		for i, t := range c.timers {
			if !t.at.After(end) && (next < 0 || t.at.Before(c.timers[next].at)) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		t := c.timers[next]
		c.timers = slices.Delete(c.timers, next, next+1)
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.now = end
	c.mu.Unlock()
}

// Timers returns how many timers are set.
func (c *Clock) Timers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}
