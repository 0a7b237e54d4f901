package relay

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLossIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme, other)
		settle()
		a.say(acme, "1")
		b.want("before", "1")
		f.Cut(0, 1)
		a.say(acme, "2")
		time.Sleep(100 * time.Millisecond)
		f.Heal()
		a.say(other, "o")
		b.want("another address has lost nothing", "o")
		a.say(acme, "3")
		b.want("in front of the message that follows the loss", "gap acme [skipped]", "3")
	})
}

// The last message of an address is followed by none.
func TestLossOfTheLastMessageIsAGap(t *testing.T) {
	for _, c := range []struct {
		reason string
		before bool // there was a message that arrived
	}{{"after others", true}, {"the first of all", false}} {
		synctest.Test(t, func(t *testing.T) {
			f := NewFaulty(NewMemory(nil), nil)
			a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
			defer leaveT(a, b)
			b.hold(acme)
			settle()
			if c.before {
				a.say(acme, "1")
			}
			synctest.Wait()
			b.take()
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1500 * time.Millisecond))) // between beats
			f.Cut(0, 1)
			a.say(acme, "2")
			synctest.Wait()
			f.Heal()
			time.Sleep(1100 * time.Millisecond)
			b.want(c.reason, "gap acme [skipped]")
			time.Sleep(5 * time.Second)
			b.want("once")
		})
	}
}

// If what tells of a loss is lost, too, the loss is told of all the same.
func TestLossOfTailsIsAGapForEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		f.Cut(0, 1)
		a.say(acme, "lost")
		time.Sleep(2 * time.Second)
		f.Heal()
		time.Sleep(3 * time.Second)
		b.want("gap", "gap  [skipped]")
	})
}

func TestSubscriberThatCameLaterHasMissedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		a := joinT(t, bus, "a", nil)
		a.say(acme, "1")
		a.say(acme, "2")
		settle()
		b := joinT(t, bus, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		a.say(acme, "3")
		b.want("only what came since", "3")
		if got := b.Stats().Gaps; got != 0 {
			t.Errorf("%d gaps", got)
		}
	})
}

func TestDoubledAndOvertakenMessages(t *testing.T) {
	for _, c := range []struct {
		reason string
		o      FaultyOptions
	}{
		{"doubled", FaultyOptions{Seed: 1, Double: 0.3}},
		{"overtaken", FaultyOptions{Seed: 1, Reorder: 0.3}},
		{"both, and lost", FaultyOptions{Seed: 1, Double: 0.2, Reorder: 0.2, Drop: 0.2, Delay: 10 * time.Millisecond}},
	} {
		run := func() (got []string, stats Stats) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFaulty(NewMemory(nil), &c.o)
				f.Calm(true)
				a, b := joinT(t, f, "a", nil), joinT(t, f, "b", func(o *Options) { o.Jitter = time.Hour })
				defer leaveT(a, b)
				b.hold(acme)
				settle()
				time.Sleep(time.Millisecond / 2) // never in the same moment as a beat
				f.Calm(false)
				for i := range 100 {
					a.say(acme, strings.Repeat("i", i))
					time.Sleep(time.Millisecond)
				}
				time.Sleep(100 * time.Millisecond)
				f.Calm(true)
				got, stats = b.take(), b.Stats()
			})
			return got, stats
		}
		got, stats := run()
		next, gap := 0, false
		for _, text := range got {
			if strings.HasPrefix(text, "gap") {
				gap = true
				continue
			}
			if len(text) < next || len(text) > next && !gap {
				t.Errorf("%s: message %d after %d, gap %v", c.reason, len(text), next-1, gap)
			}
			next, gap = len(text)+1, false
		}
		if c.o.Double+c.o.Reorder > 0 && stats.Late == 0 {
			t.Errorf("%s: nothing was late", c.reason)
		}
		if again, _ := run(); !slices.Equal(got, again) {
			t.Errorf("%s: the same seed makes other mistakes:\n%q\n%q", c.reason, got, again)
		}
	}
}

// However often the connection comes and goes within the jitter, everything that is
// shown is refreshed once.
func TestReconnectionIsOneGapLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		begun := time.Now()
		for range 5 {
			f.Disconnect(1)
			f.Reconnect(1)
		}
		f.Disconnect(0)
		synctest.Wait()
		_, err := a.Send(Envelope{To: acme, Body: Refresh{Topic: "lost"}})
		failing(t, "sending without a connection", err, ErrDisconnected)
		if answers, err := a.Ask(t.Context(), Sent{}, nil); !errors.Is(err, ErrDisconnected) || len(answers) != 1 || answers[0].Fate != Silent {
			t.Errorf("asking without a connection: %+v, %v", answers, err)
		}
		f.Reconnect(0)
		b.want("not at once")
		time.Sleep(a.opts.Jitter)
		synctest.Wait()
		a.want("the one", "gap  [reconnected skipped]")
		for _, text := range b.take() {
			if !strings.HasPrefix(text, "gap") {
				t.Errorf("%q at %v", text, time.Since(begun))
			}
		}
		if got := a.Stats().Gaps; got != 1 {
			t.Errorf("%d gaps, want 1", got)
		}
		a.say(acme, "again")
		if got := b.take(); len(got) == 0 || got[len(got)-1] != "again" {
			t.Errorf("after it: %q", got)
		}
	})
}

// A slow receiver is noticed by itself.
func TestOverrunIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := NewMemory(nil)
		stop := make(chan struct{})
		a := joinT(t, bus, "a", nil)
		var b *told
		b = joinT(t, bus, "b", func(o *Options) {
			o.InboxBytes = 32 << 10
			o.Receive = func(Received) { <-stop }
		})
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		for range 300 {
			a.say(acme, "x")
			synctest.Wait()
		}
		if got := b.in.bytes.Load(); got > 32<<10 {
			t.Errorf("%d bytes wait", got)
		}
		close(stop)
		time.Sleep(5 * time.Second)
		got := b.take()
		if !slices.Contains(got, "gap acme [skipped]") && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "overrun") }) {
			t.Errorf("%q", got)
		}
		if got := b.in.bytes.Load(); got != 0 {
			t.Errorf("%d bytes wait when nothing does", got)
		}
		if got := b.Stats(); got.Received > 200 {
			t.Errorf("%+v: everything arrived, so nothing was tested", got)
		}
	})
}

// Who has heard nothing of a sender with an address knows all the same that something
// came before, if that was sent when it was interested already.
func TestLossOfTheFirstMessageIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b := joinT(t, f, "a", nil), joinT(t, f, "b", nil)
		defer leaveT(a, b)
		b.hold(acme)
		settle()
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1300 * time.Millisecond))) // between beats
		f.Cut(0, 1)
		a.say(acme, "1")
		synctest.Wait()
		f.Heal()
		a.say(acme, "2")
		b.want("before the next beat", "gap acme [skipped]", "2")
		time.Sleep(5 * time.Second)
		b.want("once")
	})
}
