package record

import (
	"reflect"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/twk"
)

// sessionOf returns the session in the Ctx of a call, nil if there is none. It
// looks past [effect.Call.Ctx]: to ask for the Ctx means to want another run for
// each recipient of a broadcast.
func sessionOf[C any](call effect.Call[C]) *twk.Session {
	root := rootOf(call)
	if root == nil {
		return nil
	}
	if e, ok := root.(interface{ EmbeddedSession() *twk.Session }); ok {
		return e.EmbeddedSession()
	}
	v := reflect.ValueOf(root)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	for i := range v.Elem().NumField() { // not embedded, as with registry.Lift
		if f := v.Elem().Field(i); f.CanInterface() {
			if s, ok := f.Addr().Interface().(*twk.Session); ok {
				return s
			}
		}
	}
	return nil
}

// rootOf returns a pointer to the Ctx of a call, nil if there is none. It looks past
// [effect.Call.Ctx] as well.
func rootOf[C any](call effect.Call[C]) any {
	c := core.Call(call)
	s := c.State()
	if s.Scope == nil {
		return nil
	}
	return s.Scope.Root
}

// runnerOf returns what a call belongs to, nil if that is nothing.
func runnerOf[C any](call effect.Call[C]) core.Runner {
	c := core.Call(call)
	s := c.State()
	if s.Scope == nil {
		return nil
	}
	return s.Scope.Of
}

// origin is where a dispatch comes from.
type origin struct {
	request string
	stream  uint64
	key     string
	each    bool // it is for one of the recipients of a broadcast, or for all of them
}

func (r *Recorder) origin(s *twk.Session) (o origin) {
	defer func() { _ = recover() }() // of an EmbeddedSession, say
	if s == nil {
		return o
	}
	if s.Request != nil && s.Request.Request != nil {
		o.request = r.requestLine(s.Request)
	}
	if s.Conn != nil {
		o.stream = s.Conn.ID()
		for owner := range s.Conn.Owners() {
			if held, ok := owner.(interface{ HeldAs() sfere.Key }); ok {
				if k := held.HeldAs(); k != (sfere.Key{}) {
					o.key = cut(k.String())
					break
				}
			}
		}
	}
	return o
}

// requestLine returns the method and path of a request. What a wildcard stands for
// is hidden if its name is that of a secret. The query is left out: it is full of
// what people typed.
func (r *Recorder) requestLine(req *twk.Request) string {
	path := req.URL.Path
	for part := range strings.SplitSeq(req.Pattern, "{") {
		name, _, ok := strings.Cut(part, "}")
		name = strings.TrimSuffix(name, "...")
		if v := req.PathValue(name); ok && v != "" && r.secrets.named(name) {
			path = strings.ReplaceAll(path, v, Hidden)
		}
	}
	return cut(req.Method + " " + strings.ToValidUTF8(path, "\uFFFD"))
}

// targets returns the patterns and keys that items are addressed to.
func targets(items effect.List) []string {
	var out []string
	for i, item := range items {
		if i == maxNames {
			break
		}
		if t := target(item); t != "" {
			for len(out) < i {
				out = append(out, "")
			}
			out = append(out, t)
		}
	}
	return out
}

// target returns the pattern or key in the fields To and Key of effect data, and
// what is sent to it.
func target(item effect.Data) (s string) {
	defer func() {
		if recover() != nil {
			s = ""
		}
	}()
	v := reflect.Indirect(reflect.ValueOf(item))
	if v.Kind() != reflect.Struct {
		return ""
	}
	for _, field := range []string{"To", "Key"} {
		f := v.FieldByName(field)
		if !f.IsValid() || !f.CanInterface() {
			continue
		}
		switch p := f.Interface().(type) {
		case sfere.Pattern:
			s = p.String()
		case sfere.Key:
			s = p.String()
		case effect.Late[sfere.Key]:
			if s = p.Value.String(); p.From != nil {
				s = name(p.From)
			}
		}
		if s != "" {
			return cut(s)
		}
	}
	return ""
}
