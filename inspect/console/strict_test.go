package console_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/internal/consoletest"
	"github.com/sfere-go/sfere/schema"
)

// No effect of twk and sfere, whatever its type does to read itself, takes a name in
// another case, or one that is given twice.
func TestEveryEffectIsReadStrictly(t *testing.T) {
	p := consoletest.New(t, nil)
	broken := 0
	refused := func(why, text string) {
		broken++
		if list, err := p.Dispatcher.Decode([]byte(text)); err == nil {
			t.Errorf("%s: %s is decoded to %+v", why, text, list)
		}
		if p.Console.Validate(t.Context(), []byte(text)) == nil {
			t.Errorf("%s: %s is valid", why, text)
		}
	}
	for _, i := range p.Console.Describe(schema.Effects, schema.Actions) {
		samples, err := p.Console.Sample(i.Name, 5, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			var call struct{ Args map[string]json.RawMessage }
			if err := json.Unmarshal(s, &call); err != nil {
				t.Fatal(err)
			}
			for name, value := range call.Args {
				member := `"` + name + `":` + string(value)
				upper := `"` + strings.ToUpper(name) + `":` + string(value)
				at := strings.Index(string(s), `"args":{`) + len(`"args":{`)
				with := func(more string) string {
					return "[" + string(slices.Concat(s[:at], []byte(more+","), s[at:])) + "]"
				}
				refused("given twice", with(member))
				refused("in another case as well", with(upper))
				refused("in another case", "["+strings.Replace(string(s), `"`+name+`":`, `"`+strings.ToUpper(name)+`":`, 1)+"]")
			}
		}
	}
	if broken < 200 {
		t.Errorf("%d texts were tried: the samples have no arguments", broken)
	}
}
