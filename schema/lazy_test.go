package schema_test

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/schema"
)

// many describes n effects, each with a type of its own.
func many(n int) described {
	out := make(described, n)
	for i := range out {
		out[i] = effect.Info{
			Kind: string(schema.Effects), Name: fmt.Sprintf("test/t%05d", i), Doc: "Do one of many things.", Site: "many.go:1",
			Type: reflect.StructOf([]reflect.StructField{
				{Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[string](), Tag: `json:"f"`},
				{Name: "Who", Type: reflect.TypeFor[effect.Late[string]]()},
				{Name: "Then", Type: reflect.TypeFor[effect.List]()},
			}),
		}
	}
	return out
}

// Ten thousand items cost little: what is made is what somebody asks for.
func TestManyItemsAreMadeOneByOne(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	var asked atomic.Int64 // types of which the description was asked, as each is described
	source := append(many(n), typed()...)
	c := schema.OfWith(&schema.Options{Comment: func(_ reflect.Type, field string) string {
		if field == "" {
			asked.Add(1)
		}
		return ""
	}}, source)
	if got := asked.Load(); got != 0 {
		t.Errorf("making the catalogue described %d types", got)
	}
	const few = 25 // an item, its validator, and the placeholders that it refers to
	if _, err := c.Get("test/t00007"); err != nil || asked.Load() > few {
		t.Errorf("looking one item up described %d types: %v", asked.Load(), err)
	}
	if err := c.Validator(schema.Strict, nil)(twice{}); err != nil || asked.Load() > few {
		t.Errorf("checking one item described %d types: %v", asked.Load(), err)
	}
	if _, err := c.Get("test/none"); err == nil || asked.Load() > few {
		t.Errorf("a name that is not there described %d types: %v", asked.Load(), err)
	}
	if got := len(c.Describe()); got < n {
		t.Errorf("%d items", got)
	}
	before := asked.Load()
	if c.Describe(); asked.Load() != before {
		t.Error("items are described more than once")
	}
}

// A catalogue is used from many goroutines while its items are made. The methods
// of types that take part in that may use the catalogue themselves.
func TestMadeByManyGoroutines(t *testing.T) {
	var c *schema.Catalogue
	c = schema.OfWith(&schema.Options{Comment: func(typ reflect.Type, field string) string {
		if field == "" && typ.NumField() > 0 && typ.Field(0).Name == "F0" {
			_, _ = c.Get("test/t00001") // would never return if a lock were held
		}
		return ""
	}}, append(many(20), typed()...))
	check := c.Validator(schema.Strict, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, i := range c.Describe(schema.Effects) {
				samples, err := c.Sample(i.Name, 2, 1)
				if err != nil {
					t.Error(err)
				}
				for _, s := range samples {
					if err := c.Validate(t.Context(), list("[%s]", s)); err != nil {
						t.Error(err)
					}
				}
			}
			if err := check(twice{}); err != nil {
				t.Error(err)
			}
			if c.Document() == nil || c.Err() != nil {
				t.Error(c.Err())
			}
		})
	}
	wg.Wait()
	one, _ := c.Get("test/t00003")
	if two, _ := c.Get("test/t00003"); one.Args != two.Args {
		t.Error("an item is described twice")
	}
}
