package twk

import (
	"errors"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sfere-go/sfere/sse"
)

// ExecuteScript runs a script in the page by adding a script element at the end
// of its body.
//
// Script is trusted. Values from users go into it through [JS] only. Text that
// would end the element, or make the client lose the event, is refused.
type ExecuteScript struct {
	// Script is the JavaScript. It may be empty if there is a src attribute.
	Script string `json:"script,omitempty" jsonschema:"description=the script; it must not contain a closing script tag nor the start of an HTML comment"`
	// Attributes are those of the script element, such as type or nonce.
	// Event handlers are refused.
	Attributes map[string]string `json:"attributes,omitempty" jsonschema:"description=attributes of the script element such as type or nonce"`
	// Keep leaves the element in the page. Default: it is removed when it has run.
	Keep bool `json:"keep,omitempty" jsonschema:"description=leave the script element in the page after it has run"`
	EventOptions
}

// EffectName returns "twk/execute-script".
func (ExecuteScript) EffectName() string { return "twk/execute-script" }

// Problems with scripts and markup.
var (
	errScriptTag = errors.New("contains </script or <!--, with which text can leave the script: pass values through twk.JS, or write <\\/script and <\\!-- in strings")
	errDocument  = errors.New("contains </html>, </head> or </body>, at which the client takes the event for a document and loses it")
)

// All of these are constant.
var (
	scriptEnd   = regexp.MustCompile(`(?i)</script|<!--`)
	scriptName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
	svgElements = regexp.MustCompile(`(?i)<svg([\s\v\p{Z}\x{feff}][^>]*>|>)[\s\S]*?</svg>`)
	documentEnd = []string{"</html>", "</head>", "</body>"}
	documentTop = regexp.MustCompile(`(?i)^\s*<(!doctype|html|head|body)[\s>/]`)
)

// endsDocument reports whether the client takes markup for a document, by the
// client's own rule: it looks for these tags anywhere outside svg elements.
func endsDocument(markup string) bool {
	has := func(tag string) bool { return strings.Contains(markup, tag) }
	if !mayEndDocument(markup) {
		return false
	}
	markup = svgElements.ReplaceAllString(markup, "")
	return slices.ContainsFunc(documentEnd, has)
}

// mayEndDocument reports whether any end tag of markup begins like one of
// documentEnd. One pass instead of three matters, as every event goes through it.
func mayEndDocument(markup string) bool {
	for rest := markup; ; {
		i := strings.IndexByte(rest, '/')
		if i < 0 || i+1 == len(rest) {
			return false
		}
		if next := rest[i+1]; i > 0 && rest[i-1] == '<' && (next == 'h' || next == 'b') {
			// The document tags are longer than <b> and the headings.
			if tag := rest[i:]; strings.HasPrefix(tag, "/ht") || strings.HasPrefix(tag, "/he") || strings.HasPrefix(tag, "/bo") {
				return true
			}
		}
		rest = rest[i+1:]
	}
}

// frameScript frames a script.
func frameScript(p ExecuteScript) (*sse.Frame, error) {
	if err := p.EventOptions.check(); err != nil {
		return nil, err
	}
	p.Script = clean(p.Script)
	var kvs []string
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		value, lower := p.Attributes[name], strings.ToLower(name)
		var problem error
		switch {
		case !scriptName.MatchString(name):
			problem = errors.New("is not a name of letters, digits and hyphens")
		case strings.HasPrefix(lower, "on"):
			problem = errors.New("is an event handler: put its code into the script")
		case lower == "data-effect" && !p.Keep:
			problem = errors.New("is what removes the element: set keep to have one of your own")
		case seen[lower]:
			problem = errors.New("is there twice")
		}
		if problem != nil {
			return nil, fieldError("attributes", fmt.Errorf("%q %w", name, problem))
		}
		if err := checkLine("attributes", value); err != nil {
			return nil, fieldError("attributes", fmt.Errorf("the value of %q %w", name, errors.Unwrap(err)))
		}
		seen[lower] = true
		kvs = append(kvs, name, html.EscapeString(value))
	}
	switch {
	case strings.TrimSpace(p.Script) == "" && !seen["src"]:
		return nil, fieldError("script", errors.New("is empty, and there is no src attribute"))
	case scriptEnd.MatchString(p.Script):
		return nil, fieldError("script", errScriptTag)
	case endsDocument(p.Script):
		return nil, fieldError("script", errDocument)
	}
	var element strings.Builder
	element.WriteString("<script")
	for i := 0; i < len(kvs); i += 2 {
		element.WriteString(" " + kvs[i] + `="` + kvs[i+1] + `"`)
	}
	if !p.Keep {
		element.WriteString(` data-effect="el.remove()"`)
	}
	element.WriteString(">" + p.Script + "</script>")
	e := newEvent("datastar-patch-elements", p.EventOptions, element.Len())
	e.line("selector", "body")
	e.line("mode", string(ModeAppend))
	e.lines("elements", element.String())
	return e.frame()
}
