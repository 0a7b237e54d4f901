package schema_test

import (
	"testing"

	"github.com/sfere-go/sfere/schema"
)

// Whatever comes in, nothing panics, and what is valid can be decoded.
func FuzzValidate(f *testing.F) {
	d := newDispatcher(f, nil)
	c := schema.Of(d)
	for _, i := range c.Describe(schema.Effects, schema.Actions) {
		samples, err := c.Sample(i.Name, 5, 1)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range samples {
			f.Add([]byte("[" + string(s) + "]"))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if c.Validate(t.Context(), text) != nil {
			return
		}
		if _, err := d.Decode(text); err != nil {
			t.Errorf("valid, and yet: %v", err)
		}
	})
}
