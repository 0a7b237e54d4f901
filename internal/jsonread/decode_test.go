package jsonread

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type (
	inner struct {
		Room string `json:"room"`
		Deep *inner `json:"deep,omitempty"`
	}
	// Outer is embedded behind a pointer.
	Outer struct {
		X int `json:"x"`
	}
	hidden struct{ H int }
	level  uint8
	// all has a field of every kind.
	all struct {
		inner
		*Outer
		B     bool              `json:"b"`
		I     int64             `json:"i"`
		I8    int8              `json:"i8"`
		U     uint16            `json:"u"`
		F     float64           `json:"f"`
		F32   float32           `json:"f32"`
		S     string            `json:"s"`
		L     []int             `json:"l"`
		Bytes []byte            `json:"bytes"`
		Lev   []level           `json:"lev"`
		Arr   [2]string         `json:"arr"`
		P     **int             `json:"p"`
		M     map[string][]bool `json:"m"`
		N     map[int8]string   `json:"n"`
		A     map[netip.Addr]int
		Any   any             `json:"any"`
		Num   json.Number     `json:"num"`
		Raw   json.RawMessage `json:"raw"`
		When  time.Time       `json:"when"`
		Addr  netip.Addr      `json:"addr"`
		Ptr   *time.Time      `json:"ptr"`
		Q     int             `json:"q,string"`
		QS    *string         `json:"qs,string"`
		Dash  int             `json:"-,"`
		None  int             `json:"-"`
		Face  fmt.Stringer    `json:"face"`
		Empty struct{}        `json:"empty"`
	}
)

// standard reads text as encoding/json does, as strictly as it can.
func standard(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	return dec.Decode(v)
}

const good = `{"room":"r","deep":{"room":"s"},"x":1,"b":true,"i":-9223372036854775808,"i8":-128,"u":65535,"f":1e-7,"f32":0.5,"s":"é\u00e9\"",
"l":[1,2,3],"bytes":"aGVsbG8=","lev":"AQI=","arr":["a"],"p":7,"m":{"a":[true],"b":null,"":[]},"n":{"-1":"x","1":"y"},"A":{"::1":1},
"any":{"a":[1.50,"x",null,true,{}]},"num":1.50,"raw":{"a" : 1},"when":"2020-01-02T03:04:05Z","addr":"192.0.2.1","ptr":null,"q":"12","qs":"\"x\"","-":3,"face":null,"empty":{}}`

// What both readers take is the same value; what only encoding/json takes has one of
// the faults that this package refuses.
func same(t *testing.T, text []byte) {
	t.Helper()
	var want, got all
	wantErr, gotErr := standard(text, &want), Unmarshal(text, &got)
	switch {
	case gotErr == nil && wantErr != nil:
		t.Errorf("%s: encoding/json says %v", text, wantErr)
	case gotErr == nil:
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s (-encoding/json +got):\n%s", text, fmt.Sprintf("-%+v\n+%+v", want, got))
		}
	case wantErr == nil:
		for _, why := range []string{"given twice", "out of range", "a number of", "surrogate", "not UTF-8", "unknown field", "elements for", "means the same", "after the value", "embedded pointer", "does not hold a value"} {
			if strings.Contains(gotErr.Error(), why) {
				return
			}
		}
		t.Errorf("%s: only encoding/json takes it: %v", text, gotErr)
	}
}

func TestDecodeAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	same(t, []byte(good))
	var v all
	if err := Unmarshal([]byte(good), &v); err != nil {
		t.Error(err)
	}
	values := []string{`null`, `true`, `0`, `-1`, `300`, `1.5`, `1e2`, `1e308`, `""`, `"x"`, `"12"`, `" 12"`, `"12 "`, `"null"`, `"\"x\""`, `"aGVsbG8="`, `"2020-01-02T03:04:05Z"`, `"::1"`,
		`[]`, `[1]`, `["a","b"]`, `["a","b","c"]`, `[null]`, `{}`, `{"a":null}`, `{"1":"x"}`, `{"1":"x","01":"y"}`, `{"300":"x"}`, `{"room":"x"}`, `{"::1":5}`, `[[true]]`, `{"a":[true,false]}`}
	for i := range reflect.TypeFor[all]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[all]().Field(i).Tag.Get("json"), ",")
		if name == "" {
			name = reflect.TypeFor[all]().Field(i).Name
		}
		for _, value := range values {
			same(t, []byte(`{"`+name+`":`+value+`}`))
		}
	}
	for _, value := range append(values, "7") {
		same(t, []byte(value))
		same(t, []byte(`{"room":`+value+`}`))
		same(t, []byte(`{"x":`+value+`}`))
	}
}

func TestDecodeErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want, reason string }{
		{`{"m":{"a~/b":[true,1]}}`, "at /m/a~0~1b/1: got number, want boolean", "a pointer"},
		{`{"deep":{"deep":{"Room":"x"}}}`, `at /deep/deep: unknown field "Room": did you mean room?`, "a field in another case"},
		{`{"S":"x"}`, `unknown field "S": did you mean `, "at the top"},
		{`{"n":{"1":"a","01":"b"}}`, `at /n/01: the name "01" means the same as another`, "two names for one key"},
		{`{"n":{"300":"a"}}`, `the name "300" does not fit int8`, "a key that does not fit"},
		{`{"u":65536}`, "at /u: number 65536 does not fit uint16", "a number that does not fit"},
		{`{"num":"1e999"}`, `at /num: "1e999" is no number`, "a number in a string is as costly"},
		{`{"num":"x"}`, `"x" is no number`, "no number"},
		{`{"bytes":"%"}`, "at /bytes: illegal base64", "no base64"},
		{`{"when":"x"}`, "at /when: parsing time", "what a type says itself"},
		{`{"addr":"x"}`, "at /addr: ParseAddr", "what a type says of its text"},
		{`{"q":12}`, "at /q: got number, want string that holds the value", "an option of the field"},
		{`{"q":"[1]"}`, `"[1]" does not hold a value`, "more than a value"},
		{`{"face":1}`, "no value can be read into the interface fmt.Stringer", "nobody knows the type"},
	} {
		var v all
		err := Unmarshal([]byte(row.text), &v)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.reason, err, row.want)
		}
	}
	var f struct{ F func() }
	if err := Unmarshal([]byte(`{"F":1}`), &f); err == nil || !strings.Contains(err.Error(), "at /F: no value can be read into a func()") {
		t.Error(err)
	}
	var h struct{ *hidden }
	if err := Unmarshal([]byte(`{"H":1}`), &h); err == nil || !strings.Contains(err.Error(), "embedded pointer to the unexported type") {
		t.Error(err)
	}
}

func TestDecodeInOrder(t *testing.T) {
	t.Parallel()
	type plain struct {
		inner
		B int     `json:"b,string"`
		C *string `json:"c"`
	}
	read := func(text string, v any) error {
		parsed, err := Parse([]byte(text), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return NewTypes(nil).Decoder(nil).DecodeInOrder(parsed, reflect.ValueOf(v).Elem())
	}
	x := "x"
	var got plain
	if err := read(`["lobby",{"room":"deep"},"7","x"]`, &got); err != nil {
		t.Fatal(err)
	}
	if want := (plain{inner{"lobby", &inner{Room: "deep"}}, 7, &x}); !reflect.DeepEqual(want, got) {
		t.Errorf("got %+v", got)
	}
	for _, row := range []struct{ text, want string }{
		{`["a",null,"1","b",5]`, "5 arguments for 4 fields"}, {`[1]`, "at /0: got number, want string"}, {`["a",{"x":1}]`, `at /1: unknown field "x"`},
	} {
		if err := read(row.text, new(plain)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.text, err)
		}
	}
	var own itself
	if err := read(`["x",[1]]`, &own); err != nil || own.text != `{"a":"x","B":[1]}` {
		t.Errorf("a type that reads itself: %q, %v", own.text, err)
	}
}

// itself notes what it is given.
type itself struct {
	A    string `json:"a"`
	B    []int
	text string
}

func (i *itself) UnmarshalJSON(text []byte) error {
	i.text = string(text)
	return nil
}

// A Special reads its type wherever it stands, and finds who reads.
func TestSpecial(t *testing.T) {
	t.Parallel()
	types := NewTypes(func(r reflect.Type) Special {
		if r != reflect.TypeFor[level]() {
			return nil
		}
		return func(d *Decoder, v Value, into reflect.Value) error {
			if v.Kind() != Number {
				return d.Want(v, "level")
			}
			into.SetUint(uint64(len(v.Raw())) + d.For.(uint64))
			return nil
		}
	})
	for _, row := range []struct {
		text, err string
		want      map[string][]level
	}{
		{`{"a":[1,22],"b":[333]}`, "", map[string][]level{"a": {11, 12}, "b": {13}}},
		{`{"a":[1,"x"]}`, "at /a/1: got string, want level", nil},
	} {
		parsed, err := Parse([]byte(row.text), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string][]level
		d := types.Decoder(uint64(10))
		err = d.Decode(parsed, reflect.ValueOf(&got).Elem())
		if diff := cmp.Diff(row.want, got); diff != "" || fmt.Sprint(err) != row.err && row.err != "" || row.err == "" && err != nil {
			t.Errorf("%s: %v %s", row.text, err, diff)
		}
	}
}

// FuzzDecode compares with encoding/json, with the type of all kinds of fields.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(good))
	for _, seed := range []string{`{"any":[1e999]}`, `{"B":true}`, `{"i":1,"i":2}`, `{"n":{"1":"","01":""}}`, `{"arr":["a","b","c"]}`, `{"q":"1","qs":"null"}`, `{"deep":{"deep":{"deep":null}}}`, `{"m":{"\ud800":[]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(same)
}
