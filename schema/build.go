package schema

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// builder makes the schemas of one catalogue. All named types share one set of
// definitions.
type builder struct {
	reflector jsonschema.Reflector
	infos     []effect.Info
	defs      jsonschema.Definitions
	names     map[reflect.Type]string
	types     map[string]reflect.Type // by definition name
	late      map[string]reflect.Type // the T of each late definition
	pending   []string                // late definitions still to be made
	args      map[string]*Schema      // by item name: a reference, or the schema itself
}

const (
	defsPath = "#/$defs/"
	listDef  = "list"
	itemDef  = "item"
)

func newBuilder(o *Options, infos []effect.Info) *builder {
	b := &builder{
		infos: infos, defs: jsonschema.Definitions{}, names: map[reflect.Type]string{}, types: map[string]reflect.Type{},
		late: map[string]reflect.Type{}, args: map[string]*Schema{},
	}
	b.reflector = jsonschema.Reflector{Anonymous: true, Namer: b.name, Mapper: b.mapped}
	if o != nil {
		b.reflector.LookupComment = o.Comment
	}
	return b
}

var unsafeName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// name gives a type the name of its definition: that of Go, made unique and fit
// for a URI. Types without a name have none.
func (b *builder) name(t reflect.Type) string {
	if t.Name() == "" || t.PkgPath() == "" {
		return ""
	}
	if n, ok := b.names[t]; ok {
		return n
	}
	base := strings.Trim(unsafeName.ReplaceAllString(t.String(), "_"), "_")
	n := base
	for i := 2; b.types[n] != nil; i++ {
		n = fmt.Sprintf("%s-%d", base, i)
	}
	b.names[t], b.types[n] = n, t
	return n
}

var (
	listType      = reflect.TypeFor[effect.List]()
	timeType      = reflect.TypeFor[time.Time]()
	rawType       = reflect.TypeFor[json.RawMessage]()
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// lateOf returns the T of effect.Late[T].
func lateOf(t reflect.Type) (reflect.Type, bool) {
	isLate := reflect.TypeFor[interface {
		IsRef() bool
		SetRef(any)
		Set(any) error
	}]()
	if t.Kind() != reflect.Struct || !strings.HasPrefix(t.Name(), "Late[") || !reflect.PointerTo(t).Implements(isLate) {
		return nil, false
	}
	value, ok := t.FieldByName("Value")
	return value.Type, ok
}

// mapped gives the schemas of types that do not look in JSON as they do in Go;
// nil for the others.
func (b *builder) mapped(t reflect.Type) *Schema {
	if t == listType {
		return &Schema{Ref: defsPath + listDef}
	}
	if value, ok := lateOf(t); ok {
		return &Schema{Ref: defsPath + b.lateDef(value)}
	}
	if t == timeType || t == rawType || describesItself(t) {
		return nil
	}
	switch {
	case marshals(t, jsonMarshaler):
		if t.Kind() == reflect.Struct && exported(t) {
			return nil // most such methods check or rename little; JSONSchemaAlias tells the rest
		}
		return &Schema{}
	case marshals(t, textMarshaler):
		return &Schema{Type: "string"}
	}
	return nil
}

func marshals(t, by reflect.Type) bool {
	return t.Kind() != reflect.Interface && (t.Implements(by) || reflect.PointerTo(t).Implements(by))
}

func describesItself(t reflect.Type) bool {
	for _, method := range []string{"JSONSchema", "JSONSchemaAlias", "JSONSchemaExtend"} {
		if _, ok := t.MethodByName(method); ok {
			return true
		}
	}
	return false
}

func exported(t reflect.Type) bool {
	return slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.IsExported() })
}

// lateDef returns the name of the definition for late values of type t.
func (b *builder) lateDef(t reflect.Type) string {
	name := b.name(t)
	if name == "" {
		name = unsafeName.ReplaceAllString(strings.ReplaceAll(t.String(), "interface {}", "any"), "_")
	}
	name = "late." + name
	if b.late[name] == nil {
		b.late[name] = t
		b.pending = append(b.pending, name)
	}
	return name
}

// reflect returns the schema of t: a reference to a definition if t has a name.
func (b *builder) reflect(t reflect.Type) (s *Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%v", p)
		}
	}()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if special := b.mapped(t); special != nil { // the reflector would not ask for the root
		return special, nil
	}
	s = b.reflector.ReflectFromType(t)
	defs := s.Definitions
	s.Definitions, s.Version = nil, ""
	for name, def := range defs {
		if b.defs[name] == nil {
			b.defs[name] = def
			if t := b.types[name]; t != nil {
				refine(t, def)
			}
		}
	}
	if s.Ref == "" {
		refine(t, s)
	}
	return s, nil
}

// item makes the catalogue entry of info and its definitions.
func (b *builder) item(info effect.Info) Item {
	i := Item{
		Name: info.Name, Kind: Kind(info.Kind), Doc: info.Doc, Registry: info.Registry, Site: info.Site,
		Ctx: typeName(info.Ctx), State: typeName(info.State), Late: info.HasLate, Meta: plain(info.Meta),
	}
	if i.Kind == Effects {
		i.Reach, i.Shared, i.Dry = info.Reach.String(), info.Shared, info.Dry
	}
	args, err := b.reflect(info.Type)
	if err == nil {
		err = b.finish()
	}
	if err != nil {
		i.SchemaError = err.Error()
	} else {
		b.args[info.Name] = args
		i.Args = b.standalone(args)
		i.Args.Title, i.Args.Version = info.Name, jsonschema.Version
		if i.Args.Description == "" {
			i.Args.Description = info.Doc
		}
	}
	if r := info.Result; r != nil && r != reflect.TypeFor[struct{}]() && r.Kind() != reflect.Interface {
		if res, err := b.reflect(r); err == nil && b.finish() == nil {
			i.Result = b.standalone(res)
		}
	}
	for _, x := range info.Examples {
		if text, err := wireOf(x, i.Kind); err == nil {
			i.Examples = append(i.Examples, text)
		}
	}
	return i
}

// finish makes the late definitions that came up.
func (b *builder) finish() error {
	for len(b.pending) > 0 {
		name := b.pending[0]
		b.pending = b.pending[1:]
		literal, err := b.reflect(b.late[name])
		if err != nil {
			return err
		}
		reference := ""
		if len(b.givers(b.late[name])) > 0 {
			reference = referenceDef(name)
		}
		b.defs[name] = lateSchema(literal, b.defs, reference)
	}
	return nil
}

// givers returns the names of the placeholders whose value fits into a t.
func (b *builder) givers(t reflect.Type) []string {
	var names []string
	for _, i := range b.infos {
		if i.Kind != string(Placeholders) || i.Result == nil {
			continue
		}
		// What is in an interface is known at run time only.
		if i.Result == t || i.Result.Kind() == reflect.Interface || t.Kind() == reflect.Interface && i.Result.Implements(t) {
			names = append(names, i.Name)
		}
	}
	return names
}

func typeName(t reflect.Type) string {
	if t == nil {
		return ""
	}
	return t.String()
}

// plain returns meta with every value in a form that JSON can carry.
func plain(meta map[string]any) map[string]any {
	if len(meta) == 0 {
		return nil
	}
	out := map[string]any{}
	for k, v := range meta {
		text, err := json.Marshal(v)
		var p any
		if err != nil || json.Unmarshal(text, &p) != nil {
			p = fmt.Sprint(v)
		}
		out[k] = p
	}
	return out
}

// wireOf returns the wire form of one item; a placeholder is written as the
// reference to it.
func wireOf(d effect.Data, kind Kind) (json.RawMessage, error) {
	if kind == Placeholders {
		return plainjson.Marshal(effect.Later[any](d))
	}
	text, err := plainjson.Marshal(effect.List{d})
	return bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("[")), []byte("]")), err
}
