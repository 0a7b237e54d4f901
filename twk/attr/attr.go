package attr

import (
	"fmt"
	"html"
	"html/template"
	"regexp"

	"github.com/sfere-go/sfere/twk"
)

var dataName = regexp.MustCompile(`^[a-zA-Z0-9_:.-]+$`)

// Attr is one HTML attribute, for any template engine.
type Attr struct{ Name, Value string }

// Data returns the attribute data-name with an expression as its value, as in
// Data("text", "$name"). name must not come from user input. Data panics if
// name cannot be part of an attribute name.
func Data(name, expression string) Attr {
	if !dataName.MatchString(name) {
		panic(fmt.Sprintf("attr: attribute name %q: use letters, digits and the signs - _ : . only", "data-"+name))
	}
	return Attr{"data-" + name, expression}
}

// On returns the attribute that runs an expression on an event. Modifiers
// belong to the event, as in "input__debounce.200ms".
func On(event, expression string) Attr { return Data("on:"+event, expression) }

// Init returns the attribute that runs an expression when its element appears.
func Init(expression string) Attr { return Data("init", expression) }

// Stream returns the attribute that opens a long stream when its element
// appears; see [StreamAction].
func Stream(url string, o *Options) Attr { return Init(StreamAction(url, o)) }

// Signals returns the attribute that sets signals when its element appears. v
// must marshal to a JSON object; see [twk.JS].
func Signals(v any) Attr { return Data("signals", twk.JS(v)) }

// String returns name="value" with the value escaped.
func (a Attr) String() string { return a.Name + `="` + html.EscapeString(a.Value) + `"` }

// HTML returns a for html/template, as in <button {{.Send.HTML}}>.
func (a Attr) HTML() template.HTMLAttr { return template.HTMLAttr(a.String()) }

// Pair returns name and value, for functions such as Attr of gomponents:
// g.Attr(a.Pair()).
func (a Attr) Pair() (name, value string) { return a.Name, a.Value }

// Map returns attributes for engines that take a map, such as templ:
// { templ.Attributes(attr.Map(a, b))... }. The map belongs to the caller.
func Map(as ...Attr) map[string]any {
	m := make(map[string]any, len(as))
	for _, a := range as {
		m[a.Name] = a.Value
	}
	return m
}
