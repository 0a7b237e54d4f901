package twk_test

import (
	"encoding/json"
	"fmt"
	"html"
	"reflect"
	"strings"
	"testing"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// signs are texts with which something has been broken before.
var signs = []struct{ name, text, reason string }{
	{"CR", "\r", "ends a line for the client, not for the SDK"},
	{"LF", "\n", "ends a line"},
	{"CRLF", "\r\n", "ends one line"},
	{"LFCR", "\n\r", "ends two lines"},
	{"LS", "\u2028", "ended a string in older JavaScript"},
	{"PS", "\u2029", "the same"},
	{"NEL", "\u0085", "a line end of some languages"},
	{"VT", "\v", "white space that is no line end"},
	{"FF", "\f", "the same"},
	{"NUL", "\x00", "dropped or replaced by HTML; makes an id unusable"},
	{"BOM", "\ufeff", "dropped by decoders at the start"},
	{"not UTF-8", "\xff\xc0", "replaced by decoders"},
	{"script end", "</script>", "ends a script in the middle of a string"},
	{"script end in capitals", "</SCRIPT\t>", "the same"},
	{"comment", "<!--<script>", "keeps </script> from ending a script"},
	{"body end", "</body>", "makes the client read a document"},
	{"html end", "</html>", "the same"},
	{"template end", "</template>", "leaves the element in which the client parses"},
	{"apostrophe", "'", "ends a string"},
	{"quote", `"`, "ends a string or an attribute"},
	{"backtick", "`", "ends a template string"},
	{"backslash", `\`, "escapes the end of a string"},
	{"substitution", "${window.pwned=1}", "is code in a template string"},
	{"signal", "$x", "the client rewrites it"},
	{"action", "@in(", "the client rewrites it, in strings too"},
	{"marker", "\U0001f595JS_$`_DS\U0001f680", "the client replaces it by code, in strings too"},
	{"percent", "%s%!d(", "means something to formatting"},
	{"entity", "&quot;&#39;&NewLine;", "means something to HTML"},
	{"escape", `\u0027\x22\r`, "means something to JavaScript and JSON"},
}

// attacks returns texts with sign that would set window.pwned if any of its
// meanings were heeded.
func attacks(sign string) []string {
	return []string{
		sign,
		sign + "x" + sign,
		"x" + sign + sign + "event: datastar-patch-signals" + sign + "data: signals {m:(window.pwned=1)}" + sign + sign + "y",
		sign + "data: mode remove" + sign + "data: selector body" + sign,
		sign + ";window.pwned=1;//",
		sign + ");window.pwned=1;//",
		sign + "+(window.pwned=1)+" + sign,
		sign + ",window.pwned=1)//",
		sign + `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`,
	}
}

// place is somewhere in a type where a string can be put.
type place struct {
	path  string
	field string // the name in JSON of the field of the effect
	put   func(root reflect.Value, s string)
	// code tells that the place is code of the program, which text from a user
	// enters escaped only.
	code bool
}

var (
	contentType = reflect.TypeFor[twk.Content]()
	anyType     = reflect.TypeFor[any]()
)

// places finds every place in an effect. It fails for types that it does not
// know, so that no new field goes untested.
func places(t *testing.T, typ reflect.Type) []place {
	t.Helper()
	var all []place
	fields(t, typ, nil, func(path string, index []int, f reflect.StructField) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" { // marshalled by hand
			name = strings.ToLower(f.Name[:1]) + f.Name[1:]
		}
		add := func(what string, code bool, value func(s string) any) {
			all = append(all, place{path + what, name, func(root reflect.Value, s string) {
				v := reflect.ValueOf(value(s))
				root.FieldByIndex(index).Set(v.Convert(f.Type))
			}, code})
		}
		escaped := func(s string) twk.Content {
			return twk.HTML(`<p title="` + html.EscapeString(s) + `">` + html.EscapeString(s) + `</p>`)
		}
		switch {
		case path == "ExecuteScript.Script":
			add("", true, func(s string) any { return s })
			add(" in a comment", false, func(s string) any { return "f() /* " + s + " */" })
		case f.Type.Kind() == reflect.String:
			add("", false, func(s string) any { return s })
		case f.Type == contentType:
			add("", true, func(s string) any { return twk.HTML(s) })
			add(" escaped", false, func(s string) any { return escaped(s) })
		case f.Type == reflect.SliceOf(contentType):
			add("[]", true, func(s string) any { return []twk.Content{twk.HTML("<i></i>"), twk.HTML(s)} })
			add("[] escaped", false, func(s string) any { return []twk.Content{escaped(s), escaped(s)} })
		case f.Type == reflect.TypeFor[[]string]():
			add("[]", false, func(s string) any { return []string{"/a", s, "/b"} })
		case f.Type == reflect.TypeFor[map[string]string]():
			add(" key", false, func(s string) any { return map[string]string{s: "x"} })
			add(" value", false, func(s string) any { return map[string]string{"title": s} })
		case f.Type == reflect.TypeFor[map[string]effect.Late[any]]():
			add(" key", false, func(s string) any { return map[string]effect.Late[any]{s: effect.Now[any](1)} })
			add(" value", false, func(s string) any { return map[string]effect.Late[any]{"a": effect.Now[any](s)} })
		case f.Type == anyType:
			add(" string", false, func(s string) any { return s })
			add(" key", false, func(s string) any { return map[string]any{s: map[string]any{s: 1}} })
			add(" value", false, func(s string) any { return map[string]any{"a": []any{s, map[string]string{"b": s}}} })
			add(" JSON", false, func(s string) any { return json.RawMessage(s) })
			add(" JSON string", false, func(s string) any { return json.RawMessage(`{"a":"` + s + `"}`) })
		case f.Type.Kind() == reflect.Bool, f.Type.Kind() == reflect.Int, f.Type == reflect.TypeFor[*bool]():
		default:
			t.Fatalf("%s is a %s: teach this test where strings are in it", path, f.Type)
		}
	})
	return all
}

// fields visits the fields of an effect, those of embedded structs included.
func fields(t *testing.T, typ reflect.Type, index []int, visit func(path string, index []int, f reflect.StructField)) {
	t.Helper()
	for i := range typ.NumField() {
		f := typ.Field(i)
		at := append(append([]int(nil), index...), i)
		if f.Anonymous {
			fields(t, f.Type, at, visit)
			continue
		}
		visit(typ.Name()+"."+f.Name, at, f)
	}
}

// hostile is an effect with an attack in one place.
type hostile struct {
	name  string
	place place
	item  effect.Data
	base  effect.Data // the same without the attack
}

// eachHostile calls do with every attack in every place of every registered
// effect, after prepare, if not nil, has changed the text for that place. It
// finds the places by reflection; the rest of the fields come from the effect's
// first example.
func eachHostile(t *testing.T, prepare func(p place, text string) string, do func(hostile)) {
	t.Helper()
	effects := 0
	for info := range twk.Registry(nil).All() {
		if len(info.Examples) == 0 {
			t.Fatalf("%s has no example to start from", info.Name)
		}
		effects++
		base := reflect.ValueOf(info.Examples[0])
		for _, p := range places(t, info.Type) {
			for _, sign := range signs {
				for i, text := range attacks(sign.text) {
					root := reflect.New(info.Type).Elem()
					root.Set(base)
					if prepare != nil {
						text = prepare(p, text)
					}
					p.put(root, text)
					do(hostile{
						name: fmt.Sprintf("%s %s, %s (%d)", info.Name, p.path, sign.name, i), place: p,
						item: root.Interface().(effect.Data), base: base.Interface().(effect.Data),
					})
				}
			}
		}
	}
	if effects < 13 {
		t.Errorf("%d effects only", effects)
	}
}
