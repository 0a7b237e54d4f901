package record

import (
	"fmt"
	"html"
	"reflect"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/twk"
)

// maxStill is how deep lists nest that still looks into.
const maxStill = 50

// still returns d as it may be shown later. Markup of a template or a function
// was rendered when d ran; to marshal d would render it again, from data that
// may be another by now, or be written to at this moment. A note takes its place.
func still(d effect.Data, depth int) effect.Data {
	if v := reflect.ValueOf(d); v.Kind() == reflect.Pointer && !v.IsNil() { // read as its value, as dispatchers do
		if value, ok := v.Elem().Interface().(effect.Data); ok {
			d = value
		}
	}
	switch p := d.(type) {
	case nil:
		return nil
	case twk.PatchElements:
		p.Elements = stillMarkup(p.Elements)
		return p
	case twk.PatchElementsSeq:
		elements := make([]twk.Content, len(p.Elements))
		for i, c := range p.Elements {
			elements[i] = stillMarkup(c)
		}
		p.Elements = elements
		return p
	}
	plan, err := core.NewPlan(reflect.TypeOf(d))
	if err != nil || !plan.HasNested() {
		return d
	}
	copied, err := plan.MapNested(d, func(list any) error {
		l := list.(*effect.List)
		if depth >= maxStill {
			*l = nil
			return nil
		}
		inner := make(effect.List, len(*l))
		for i, item := range *l {
			inner[i] = still(item, depth+1)
		}
		*l = inner
		return nil
	})
	if err != nil {
		return effect.Raw{Effect: name(d)}
	}
	return copied.(effect.Data)
}

func stillMarkup(c twk.Content) twk.Content {
	if c == nil {
		return nil
	}
	if _, ok := c.(twk.HTML); ok {
		return c
	}
	return twk.HTML("<!-- rendered by a " + html.EscapeString(fmt.Sprintf("%T", c)) + " when it ran -->")
}
