package consoletest

import (
	"slices"
	"testing"
	"time"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/relay"
	"github.com/sfere-go/sfere/twk/twktest"
)

// Nodes starts a program for each name, all of them on one relay, and returns when they
// know each other. Link i of the relay is that of program i.
func Nodes(t testing.TB, o *console.Options[App], names ...string) ([]*Program, *relay.Faulty) {
	t.Helper()
	bus := relay.NewFaulty(relay.NewMemory(nil), nil)
	var all []*Program
	for _, name := range names {
		// On a busy machine a node that is cut off is silent for long, and not yet down,
		// and one that is not answers in time.
		node := &relay.Options{Name: name, Beat: 3 * time.Second, AnswerWithin: 2 * time.Second}
		p := newProgram(t, o, &sfere.Options{Relay: bus, Node: node})
		if err := p.Conns.JoinRelay(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Conns.Close)
		all = append(all, p)
	}
	for end := time.Now().Add(twktest.Wait); ; time.Sleep(time.Millisecond) {
		if !slices.ContainsFunc(all, func(p *Program) bool { return len(p.Conns.Nodes()) < len(names) }) {
			return all, bus
		}
		if time.Now().After(end) {
			t.Fatal("they do not meet")
		}
	}
}
