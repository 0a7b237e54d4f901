package core_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

type (
	// ID writes itself as text.
	ID int
	// OwnForm embeds a time and has a form of its own.
	OwnForm struct {
		time.Time
		Label string
	}
	// HalfForm writes itself, and leaves reading to the time.
	HalfForm struct {
		time.Time
		Label string
	}
	Base  struct{ Name string }
	Deep  struct{ Base }
	Steps []effect.Data
	// PointerForm marshals itself behind a pointer only.
	PointerForm struct{ A int }
	Node        struct {
		Next  *Node
		Nodes []Node
		Keys  map[ID]string
	}
	OnlyText struct{ A int }
	// Self embeds itself.
	Self struct {
		*Self
		Other string
	}
)

func (i ID) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "id-%d", int(i)), nil }
func (i *ID) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "id-%d", i)
	return err
}

type ownForm struct {
	At    time.Time
	Label string
}

func (o OwnForm) MarshalJSON() ([]byte, error) { return json.Marshal(ownForm{o.Time, o.Label}) }
func (o *OwnForm) UnmarshalJSON(text []byte) error {
	var v ownForm
	err := json.Unmarshal(text, &v)
	*o = OwnForm(struct {
		time.Time
		Label string
	}{v.At, v.Label})
	return err
}
func (h HalfForm) MarshalJSON() ([]byte, error)     { return json.Marshal(h.Label) }
func (p *PointerForm) MarshalJSON() ([]byte, error) { return json.Marshal(p.A) }
func (OnlyText) MarshalText() ([]byte, error)       { return nil, nil }

// Types that JSON would garble are refused, with what to do instead. What is
// accepted comes back.
func TestUnfitTypesAreRefused(t *testing.T) {
	for _, row := range []struct {
		of   any
		want string // in the error; empty if the type is fit
	}{
		{struct {
			time.Time
			Label string
		}{}, "embeds time.Time, which marshals itself and would swallow the other fields: name the field"},
		{struct {
			*time.Time
			Label string
		}{}, "embeds *time.Time"},
		{struct {
			Deep struct {
				ID
				Label string
			}
		}{}, "Deep embeds core_test.ID, which marshals itself"},
		{struct {
			In []struct {
				time.Time `json:"at"`
				Label     string
			}
		}{}, "In[] embeds time.Time"},
		{struct {
			json.Marshaler
			Label string
		}{}, "embeds json.Marshaler"},
		{struct {
			big.Int
			Label string
		}{}, "embeds big.Int"},
		{struct{ A HalfForm }{}, "A embeds time.Time"},
		{struct{ A OwnForm }{}, ""},
		{struct{ A time.Time }{}, ""},
		{struct{ A netip.Addr }{}, ""},
		{struct{ effect.Late[string] }{}, "embeds effect.Late[string], so that it would be written as one: name the field"},
		{struct {
			effect.Late[string]
			Also bool
		}{}, "embeds effect.Late[string]"},
		{struct {
			*effect.List
			Also bool
		}{}, "embeds *effect.List"},
		{struct{ A effect.Data }{}, "A is a effect.Data, which JSON would carry without its name, so that nobody could read it: use an effect.List"},
		{struct{ A []effect.Data }{}, "use an effect.List"},
		{struct{ A Steps }{}, "use an effect.List"},
		{struct{ A map[string]effect.Data }{}, "use an effect.List"},
		{struct{ A effect.Late[effect.Data] }{}, "use an effect.List"},
		{struct{ A effect.Late[func()] }{}, "A is a func"},
		{struct{ A []effect.Late[chan int] }{}, "A[] is a chan"},
		{struct{ A effect.List }{}, ""},
		{reflect.New(reflect.StructOf([]reflect.StructField{
			{Name: "A", Type: reflect.TypeFor[string](), Tag: `json:"x"`}, {Name: "B", Type: reflect.TypeFor[string](), Tag: `json:"x"`},
		})).Elem().Interface(), `.A and struct { A string "json:\"x\""; B string "json:\"x\"" }.B are both "x" in JSON`},
		{struct {
			Base
			Name string
		}{}, `.Base.Name and struct { core_test.Base; Name string }.Name are both "Name" in JSON`},
		{struct {
			Deep
			Base
		}{}, `.Deep.Base.Name and struct { core_test.Deep; core_test.Base }.Base.Name are both "Name"`},
		{struct {
			*Self
			Name string
		}{}, ""},
		{struct {
			Base `json:"base"`
			Name string
		}{}, ""},
		{struct {
			A string `json:"-"`
		}{}, `A is left out of JSON by its tag "-"`},
		{struct {
			A string `json:"-,"`
		}{}, ""},
		{struct{ A map[[2]int]string }{}, "A has map keys of type [2]int, which JSON has not: use strings, integers"},
		{struct{ A map[bool]string }{}, "map keys of type bool"},
		{struct{ A map[any]string }{}, "map keys of type interface {}"},
		{struct{ A map[OnlyText]string }{}, "add UnmarshalText"},
		{struct{ A map[ID]string }{}, ""},
		{struct{ A map[int8]string }{}, ""},
		{struct{ A complex128 }{}, "A is a complex128, which JSON has not: use two numbers"},
		{struct{ A []complex64 }{}, "complex64"},
		{struct{ A url.URL }{}, "A.User.username is unexported in package net/url, so JSON cannot carry it: use a string, or a type of your own with MarshalJSON and UnmarshalJSON"},
		{struct{ A big.Int }{}, "A is a big.Int, whose pointer marshals itself and whose value does not: use a *big.Int"},
		{struct{ A *big.Int }{}, ""},
		{struct{ A []big.Int }{}, ""},
		{struct{ A map[string]big.Int }{}, "use a *big.Int"},
		{struct{ A PointerForm }{}, "or declare the method on the value"},
		{struct{ a string }{}, "export it"},
		{struct{ A func() }{}, "close over it"},
		{Node{}, ""},
	} {
		_, err := core.NewPlan(reflect.TypeOf(row.of))
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%T is refused: %v", row.of, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%T: got %v, want %q", row.of, err, row.want)
		}
	}
}

// What tells that a copy shares memory with the original.
func TestShares(t *testing.T) {
	for _, row := range []struct {
		of   any
		want bool
	}{
		{struct {
			A string
			B [3]struct{ C float64 }
			D time.Time
		}{}, false},
		{struct{ A []string }{}, true},
		{struct{ A [2]struct{ B map[string]int } }{}, true},
		{struct{ A *int }{}, true},
		{struct{ A any }{}, true},
	} {
		plan, err := core.NewPlan(reflect.TypeOf(row.of))
		if err != nil || plan.Shares() != row.want {
			t.Errorf("%T: %v, %v", row.of, plan.Shares(), err)
		}
	}
}
