package sfere

import "time"

// Clock is where a [TTL] store takes the time from. It may be used from any
// goroutine. The default is package time, which in a testing/synctest bubble is
// the time of the bubble; sferetest.Clock is moved by hand.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f after d, once and not before it has returned, unless
	// stop is called earlier; stop does not wait for f.
	AfterFunc(d time.Duration, f func()) (stop func())
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}
