package relay

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A question says what became of a message, and never calls silence a delivery.
func TestFatesOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFaulty(NewMemory(nil), nil)
		a, b, c := joinT(t, f, "a", nil), joinT(t, f, "b", func(o *Options) {
			o.Receive = func(m Received) {
				if m.Body.(Refresh).Topic == "bad" {
					panic("no")
				}
			}
		}), joinT(t, f, "c", nil)
		defer leaveT(a, b, c)
		b.hold(acme)
		settle()
		want := func(reason string, sent Sent, want ...string) {
			t.Helper()
			if got := a.ask(sent); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", reason, got, want)
			}
		}
		want("who has nobody there says so", a.say(acme, "1"), "b taken", "c nobody")
		f.Cut(0, 1)
		lost := a.say(acme, "2")
		synctest.Wait()
		f.Heal()
		want("what was lost on the way was missed", lost, "b missed", "c nobody")
		b.want("and is a gap as soon as that is known", "gap acme [skipped]")
		bad := a.say(acme, "bad")
		want("a receiver that panics has not taken it", bad, "b refused", "c nobody")
		late, err := a.Send(Envelope{To: acme, Report: true, Deadline: time.Now().Add(-1), Body: Refresh{}})
		if err != nil {
			t.Fatal(err)
		}
		want("what comes after its deadline is refused", late, "b refused", "c nobody")
		f.Cut(1, 0)
		begun := time.Now()
		want("whose answer is lost is silent", a.say(acme, "3"), "b silent", "c nobody")
		if took := time.Since(begun); took != 500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		begun = time.Now()
		if answers, err := a.Ask(ctx, Sent{}, nil); err != nil || len(answers) != 2 || answers[0].Fate != Silent {
			t.Errorf("%+v, %v", answers, err)
		}
		if took := time.Since(begun); took != 20*time.Millisecond {
			t.Errorf("the context ended after %v", took)
		}
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		reason string
		o      Options
	}{
		{"a prefix with a wildcard hears other programs", Options{Prefix: "a.*"}},
		{"an empty token", Options{Prefix: "a..b"}},
		{"a name is sent with every beat", Options{Name: strings.Repeat("n", 129)}},
		{"a beat in nanoseconds", Options{Beat: 5}},
		{"a negative bound", Options{QueueBytes: -1}},
	} {
		if _, err := Join(t.Context(), NewMemory(nil), &c.o); err == nil {
			t.Errorf("%s: no error", c.reason)
		}
	}
	n, err := Join(t.Context(), NewMemory(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(context.Background())
	sent, err := n.Send(Envelope{Body: Admit{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Ask(t.Context(), sent, nil); err == nil {
		t.Error("one can ask about a message that nobody remembers")
	}
	if _, err := n.Send(Envelope{}); err == nil {
		t.Error("an envelope without a body can be sent")
	}
	if _, err := n.Send(Envelope{Body: leave{}}); err == nil {
		t.Error("a program can say that its node ends")
	}
	if _, err := n.Send(Envelope{To: Address{Scope: "*"}, Body: Admit{}}); err == nil {
		t.Error("a wildcard is a scope")
	}
}
