package sfere_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Options that make no sense are told when the program starts, and not with the
// first stream, or never.
func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	conns := func(o sfere.Options) func() error {
		return func() error { defer sfere.New(&o).Close(); return nil }
	}
	app := func(o sfere.AppOptions) func() error {
		return func() error {
			_, err := sfere.BuildApp(func(s twk.Session) twk.Session { return s }, &o)
			return err
		}
	}
	tests := []struct {
		reason string
		make   func() error
		want   string
	}{
		{"no policy", conns(sfere.Options{Policy: "evict"}), `Options.Policy: unknown policy "evict"`},
		{"a unit was forgotten", conns(sfere.Options{RecipientTimeout: 10}), "Options.RecipientTimeout is 10ns"},
		{"everything would be late", conns(sfere.Options{RecipientTimeout: -1}), "Options.RecipientTimeout is -1ns"},
		{"an App returns what New panics with", app(sfere.AppOptions{Conns: &sfere.Options{Policy: "evict"}}), "Options.Policy"},
		{"no effect has no name", conns(sfere.Options{FromRelay: []effect.Data{nil}}), "Options.FromRelay has nothing at index 0"},
		{"nothing would be rendered", conns(sfere.Options{RenderWorkers: -1}), "Options.RenderWorkers is -1"},
		{"a unit was forgotten", app(sfere.AppOptions{Window: 2}), "AppOptions.Window is 2ns"},
		{"every shutdown would fail", app(sfere.AppOptions{Grace: -time.Second}), "AppOptions.Grace is -1s"},
		{"a unit was forgotten", func() error {
			c := sfere.New(nil)
			defer c.Close()
			_, err := c.Watch(sfere.Category("a"), &sfere.PresenceOptions{Grace: 5})
			return err
		}, "PresenceOptions.Grace is 5ns"},
	}
	for _, tt := range tests {
		func() {
			var err error
			defer func() {
				if p := recover(); p != nil {
					err, _ = p.(error)
				}
				if !strings.Contains(fmt.Sprint(err), tt.want) {
					t.Errorf("%s: error %v, want one that says %q", tt.reason, err, tt.want)
				}
			}()
			err = tt.make()
		}()
	}
}
