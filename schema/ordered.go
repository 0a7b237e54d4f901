package schema

import "github.com/sfere-go/sfere/internal/plainjson"

// ordered is a JSON object whose members keep their order, so that a sample
// begins with its name.
type ordered []member

type member struct {
	name  string
	value any
}

func (o ordered) set(name string, v any) ordered {
	for i := range o {
		if o[i].name == name {
			o[i].value = v
			return o
		}
	}
	return append(o, member{name, v})
}

func (o ordered) values() []any {
	out := []any{}
	for _, m := range o {
		out = append(out, m.value)
	}
	return out
}

// MarshalJSON writes the members in order.
func (o ordered) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := plainjson.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := plainjson.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}
