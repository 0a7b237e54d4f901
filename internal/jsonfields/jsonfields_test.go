package jsonfields

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type (
	base struct {
		Room string `json:"room"`
		Nick string
	}
	other struct {
		Nick string
		Deep string `json:"deep"`
	}
	low  struct{ base }
	high struct{ base }
	// Tree embeds itself.
	Tree struct {
		*Tree
		Leaf int
	}
	Text  string
	Plain struct {
		A     int
		B     string `json:"b,omitempty"`
		C     int    `json:",string"`
		D     []int  `json:"d,string,omitzero"`
		Dash  int    `json:"-,"`
		None  int    `json:"-"`
		Odd   int    `json:"a\"b"`
		Dot   int    `json:"a.b c"`
		inner int
	}
	Embeds struct {
		base
		Nick string `json:"nick"`
	}
	Wins struct {
		base
		Nick string
	}
	Clash struct {
		base
		other
	}
	Tagged struct {
		base
		other
		N string `json:"Nick"`
	}
	TagWins struct {
		X string `json:"x"`
		Y string `json:"Z"`
		Z string
	}
	Twice struct {
		low
		high
		C int
	}
	one struct{ low }
	two struct{ low }
	// Deeper embeds low twice: its own fields hide each other, and those of base, which it
	// embeds once, do not.
	Deeper struct {
		one
		two
	}
	Pointers struct {
		*Plain
		Text
		Named base `json:"named"`
		Base  base
	}
	Emb struct {
		base `json:"base"`
		*Text
		fmt.Stringer
	}
)

// same has two fields with one name, which go vet does not let anybody write.
func same() reflect.Type {
	text := reflect.TypeFor[string]()
	return reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: text, Tag: `json:"x"`}, {Name: "B", Type: text, Tag: `json:"x"`}, {Name: "C", Type: text},
	})
}

// fill sets the pointers to structs, so that nothing is left out.
func fill(v reflect.Value, depth int) {
	switch {
	case v.Kind() == reflect.Pointer && v.CanSet() && depth < 3:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth)
		}
	case v.Kind() == reflect.Slice && v.CanSet():
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case v.Kind() == reflect.String && v.CanSet():
		v.SetString("x")
	}
}

// The fields are those that encoding/json writes, in its order.
func TestOfIsWhatJSONWrites(t *testing.T) {
	t.Parallel()
	for _, v := range []any{&Plain{}, &Embeds{}, &Wins{}, &Clash{}, &Tagged{}, &TagWins{}, reflect.New(same()).Interface(), &Twice{}, &Deeper{}, &Pointers{}, &Emb{}, &struct{ Tree }{}} {
		value := reflect.ValueOf(v).Elem()
		fill(value, 0)
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		dec := json.NewDecoder(bytes.NewReader(text))
		_, _ = dec.Token()
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, name.(string))
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, f := range Of(value.Type()) {
			got = append(got, f.Name)
			if f.Go.Type != value.Type().FieldByIndex(f.Index).Type {
				t.Errorf("%T: %s has the index of another field", v, f.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T (-written +got):\n%s\n%s", v, diff, text)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, f := range Of(reflect.TypeFor[Pointers]()) {
		got[f.Name] = fmt.Sprint(f.Tagged, f.OmitEmpty, f.OmitZero, f.Quoted, f.Optional)
	}
	want := map[string]string{
		"A": "false false false false true", "b": "true true false false true", "C": "false false false true true",
		"d": "true false true false true", "-": "true false false false true", "Odd": "false false false false true",
		"a.b c": "true false false false true", "Text": "false false false false false",
		"named": "true false false false false", "Base": "false false false false false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
