package schema_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"time"

	"github.com/sfere-go/sfere/effect"
)

type (
	inner struct {
		Room string `json:"room"`
		Nick string
		When *time.Time
	}
	Outer struct {
		inner
		Nick string `json:"nick,omitempty"`
	}
	Base struct {
		A int `json:"a"`
		B string
	}
	Other struct {
		A int `json:"a"`
		C []int
	}
	Deep struct {
		*Base
		D []string
	}
	Nick    string
	stamped struct {
		time.Time
		Label string
	}
	// colour is a text.
	colour [3]byte
	// degrees is a number with a unit.
	degrees struct{ of float64 }
	// state is a text that has a reader of its own as a key.
	state string
	// tags is never left out by omitzero.
	tags []string

	small uint8
	blobs [][]small
	chain struct {
		Next *chain  `json:"next"`
		Kids []chain `json:"kids,omitempty"`
		By   map[int8]chain
		Ring ring
	}
	ring       struct{ Back []*chain }
	nest       []nest
	table      map[string]table
	box[T any] struct {
		V T   `json:"v"`
		L []T `json:"l,omitempty"`
	}
	lates struct {
		S effect.Late[[]string]
		M effect.Late[map[string]*int]
		P effect.Late[*string]
		A effect.Late[any]
		T effect.Late[string] `json:",omitempty"`
		Z effect.Late[place]  `json:",omitzero"`
		C effect.Late[chain]
		L []effect.Late[[2]int]
		N map[string]effect.Late[netip.Addr]
	}
	lists struct {
		L effect.List
		O effect.List `json:",omitempty"`
		P *effect.List
		M map[string]effect.List
		S []effect.List
	}
)

func (c colour) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "#%02x%02x%02x", c[0], c[1], c[2]), nil
}
func (c *colour) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "#%02x%02x%02x", &c[0], &c[1], &c[2])
	return err
}
func (d degrees) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"degrees":%g}`, d.of), nil }
func (d *degrees) UnmarshalJSON(text []byte) error {
	if _, err := fmt.Sscanf(string(text), `{"degrees":%g}`, &d.of); err != nil {
		return fmt.Errorf("no degrees: %s", text)
	}
	return nil
}
func (s *state) UnmarshalText(text []byte) error { *s = state(text); return nil }
func (tags) IsZero() bool                        { return false }

// sameA and sameB are two types of one name.
func sameA() reflect.Type {
	type same struct{ A int }
	return reflect.TypeFor[struct {
		V same
		L effect.Late[[]same]
	}]()
}

func sameB() reflect.Type {
	type same struct{ B []string }
	return reflect.TypeFor[struct {
		V same
		L effect.Late[[]same]
	}]()
}

// kinds are the kinds of fields that data can have.
var kinds = []struct {
	reason string
	typ    reflect.Type
}{
	{"no fields", reflect.TypeFor[struct{}]()},
	{"nil is null", reflect.TypeFor[struct {
		P *int
		S []string
		M map[string]bool
		A any
		D **[]int
		E []*string
		F map[string][]int
		B []byte
	}]()},
	{"left out when empty", reflect.TypeFor[struct {
		P *int            `json:",omitempty"`
		S []string        `json:",omitempty"`
		M map[string]bool `json:",omitempty"`
		A any             `json:",omitempty"`
		D **[]int         `json:",omitempty"`
		N *[]string       `json:",omitempty"`
		T place           `json:",omitempty"`
		B []byte          `json:",omitempty"`
	}]()},
	{"left out when zero", reflect.TypeFor[struct {
		S []string  `json:",omitzero"`
		T place     `json:",omitzero"`
		W time.Time `json:",omitzero"`
		G tags      `json:",omitzero"`
		H *tags     `json:",omitzero"`
	}]()},
	{"an embedded struct whose field is hidden", reflect.TypeFor[Outer]()},
	{"an embedded pointer, whose fields are left out when it is nil", reflect.TypeFor[struct {
		*Base
		K string
	}]()},
	{"pointers embedded in pointers", reflect.TypeFor[struct {
		*Deep
		B int
	}]()},
	{"two embedded structs with one name, which JSON has not", reflect.StructOf([]reflect.StructField{
		{Name: "Base", Type: reflect.TypeFor[Base](), Anonymous: true}, {Name: "Other", Type: reflect.TypeFor[Other](), Anonymous: true},
	})},
	{"an embedded struct with a name of its own", reflect.TypeFor[struct {
		Base `json:"base"`
		*Other
	}]()},
	{"an embedded text", reflect.TypeFor[struct{ Nick }]()},
	{"an embedded type that writes itself, with a name", reflect.TypeFor[struct {
		time.Time `json:"time"`
		N         int
	}]()},
	{"a type that got its method by embedding", reflect.TypeFor[struct{ S stamped }]()},
	{"inside a string", reflect.TypeFor[struct {
		I int           `json:",string"`
		U uint8         `json:",string"`
		P *int16        `json:",string"`
		B bool          `json:",string"`
		F float64       `json:",string"`
		S string        `json:",string"`
		N json.Number   `json:",string"`
		O *bool         `json:",string,omitempty"`
		L []int         `json:",string"`
		D time.Duration `json:",string"`
	}]()},
	{"every size of number", reflect.TypeFor[struct {
		A int8
		B int16
		C int32
		D int64
		E uint8
		F uint16
		G uint32
		H uint64
		I uintptr
		J float32
		K float64
		L json.Number
		M []json.Number
		N time.Duration
		O time.Month
	}]()},
	{"every kind of key", reflect.TypeFor[struct {
		S map[Nick]int
		I map[int]string
		J map[int8]string
		U map[uint16][]int
		T map[netip.Addr]int
		C map[colour]*int
		R map[state]int
		L map[slog.Level]string
	}]()},
	{"arrays", reflect.TypeFor[struct {
		A [4]byte
		B [2][]string
		C [0]int
		D [2]*place
	}]()},
	{"bytes", reflect.TypeFor[struct {
		B []byte
		N []small
		L blobs
		P *[]byte
		M map[string][]byte
	}]()},
	{"types of the standard library that write themselves", reflect.TypeFor[struct {
		T time.Time
		P *time.Time
		A netip.Addr
		I net.IP
		B *big.Int
		C []big.Int
		L slog.Level
		R json.RawMessage
		S []net.IP
	}]()},
	{"types of a program that write themselves", reflect.TypeFor[struct {
		C colour
		D degrees
		E []*colour
		F map[string]degrees
	}]()},
	{"recursive types", reflect.TypeFor[chain]()},
	{"recursive collections", reflect.TypeFor[struct {
		N nest
		T table
		M map[string]nest
	}]()},
	{"generic types", reflect.TypeFor[struct {
		A box[int]
		B box[*string]
		C box[box[[]place]]
		D box[any]
	}]()},
	{"late values", reflect.TypeFor[lates]()},
	{"lists of effects", reflect.TypeFor[lists]()},
	{"two types of one name, and late values of them", reflect.StructOf([]reflect.StructField{{Name: "A", Type: sameA()}, {Name: "B", Type: sameB()}})},
	{"names that no tag can hold whole", reflect.TypeFor[struct {
		D int `json:"-,"`
		P int `json:"$placeholder"`
		C int `json:"a.b c/d~e"`
		Ü int
		L effect.Late[struct {
			P int `json:"$placeholder"`
		}]
	}]()},
	{"anonymous structs", reflect.TypeFor[struct {
		A struct{ B []struct{ C *int } }
	}]()},
}
