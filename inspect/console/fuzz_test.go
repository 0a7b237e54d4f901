package console_test

import (
	"testing"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/schema"
)

// Whatever comes in as a command, nothing panics, and what is valid can be
// decoded.
func FuzzParseCommand(f *testing.F) {
	p := consoletest.New(f, nil)
	for _, i := range p.Console.Describe(schema.Effects, schema.Actions) {
		samples, err := p.Console.Sample(i.Name, 5, 1)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range samples {
			f.Add([]byte("[" + string(s) + "]"))
			f.Add([]byte(s))
		}
	}
	f.Add([]byte(`{"to":"*/lobby/*","effects":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		cmd, err := console.ParseCommand(text)
		if err != nil || p.Console.Validate(t.Context(), cmd.Effects) != nil {
			return
		}
		if _, err := p.Dispatcher.Decode(cmd.Effects); err != nil {
			t.Errorf("valid, and yet: %v", err)
		}
	})
}
