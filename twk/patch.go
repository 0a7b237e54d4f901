package twk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/internal/plainjson"
	"github.com/sfere-go/sfere/sse"

	"github.com/sfere-go/sfere/effect"
)

// Mode is how elements are patched into the page.
type Mode string

// The modes. The empty mode is ModeOuter. All but ModeOuter and ModeReplace need a selector.
const (
	ModeOuter   Mode = "outer"   // morph into the element with the same id
	ModeInner   Mode = "inner"   // morph the inside of the target
	ModeReplace Mode = "replace" // replace without morphing, which loses input and focus
	ModePrepend Mode = "prepend" // put in front of what is inside the target
	ModeAppend  Mode = "append"  // put behind what is inside the target
	ModeBefore  Mode = "before"  // put in front of the target
	ModeAfter   Mode = "after"   // put behind the target
	ModeRemove  Mode = "remove"  // remove the target
)

func (m Mode) check() error {
	switch m {
	case "", ModeOuter, ModeInner, ModeReplace, ModePrepend, ModeAppend, ModeBefore, ModeAfter, ModeRemove:
		return nil
	}
	return fieldError("mode", fmt.Errorf("is %q: use one of the Mode constants", m))
}

// Namespace is the markup language of patched elements.
type Namespace string

// The namespaces. The empty one is HTMLNamespace.
const (
	HTMLNamespace   Namespace = "html"
	SVGNamespace    Namespace = "svg"
	MathMLNamespace Namespace = "mathml"
)

func (n Namespace) check() error {
	switch n {
	case "", HTMLNamespace, SVGNamespace, MathMLNamespace:
		return nil
	}
	return fieldError("namespace", fmt.Errorf("is %q: use one of the Namespace constants", n))
}

// EventOptions are the options that every event has.
type EventOptions struct {
	// EventID is stored by the client and sent as Last-Event-ID when it
	// reconnects. Printable ASCII.
	EventID string `json:"eventId,omitempty" jsonschema:"pattern=^[ -~]*$,description=id that the client sends back when it reconnects; printable ASCII"`
	// RetryMillis sets the client's base delay before it reconnects, in
	// milliseconds. Zero leaves it.
	RetryMillis int `json:"retryMillis,omitempty" jsonschema:"minimum=0,description=base delay in milliseconds before the client reconnects; 0 leaves it"`
	// Coalesce, if not empty, lets this event take the place of a waiting one
	// with the same key in a client's outbox. Use it only for events that make
	// the older one superfluous.
	Coalesce string `json:"coalesce,omitempty" jsonschema:"description=key by which a newer event replaces a waiting older one"`
	// Overflow says what happens if the outbox is full; empty means the
	// stream's own policy.
	Overflow sse.Overflow `json:"overflow,omitempty" jsonschema:"enum=,enum=disconnect,enum=drop-oldest,description=what happens if a client's outbox is full"`
}

// PatchElements patches markup into the page.
//
// Without a selector each top element goes to the element with its id. Markup
// with </html>, </head> or </body> must begin with that element: the client
// reads it as a document, and would lose the patch otherwise.
type PatchElements struct {
	// Elements is the markup. A broadcast renders it once for all recipients,
	// unless it comes from [PerRecipient] or asks for the recipient.
	Elements Content `json:"-"`
	// Selector finds the targets. Default: the ids of the elements.
	Selector string `json:"selector,omitempty" jsonschema:"description=CSS selector of the targets; the default is the ids of the elements"`
	// Mode says what is done to the targets. Default: ModeOuter.
	Mode Mode `json:"mode,omitempty" jsonschema:"enum=,enum=outer,enum=inner,enum=replace,enum=prepend,enum=append,enum=before,enum=after,enum=remove,description=what is done to the targets; outer if empty; all but outer and replace need a selector"`
	// Namespace is that of the elements. Default: HTMLNamespace. The client reads
	// elements inside of an <svg> or <math> as HTML without it.
	Namespace Namespace `json:"namespace,omitempty" jsonschema:"enum=,enum=html,enum=svg,enum=mathml,description=markup language of the elements; html if empty"`
	// ViewTransition animates the change with the browser's View Transition API.
	// The client applies such a patch a frame later, so an ordinary patch that is
	// sent after it overtakes it. Do not mix them for one element.
	ViewTransition bool `json:"viewTransition,omitempty" jsonschema:"description=animate the change as a view transition"`
	// ViewTransitionSelector limits the transition to one element, and turns
	// ViewTransition on.
	ViewTransitionSelector string `json:"viewTransitionSelector,omitempty" jsonschema:"description=CSS selector of the element that the view transition is limited to"`
	EventOptions
}

// EffectName returns "twk/patch-elements".
func (PatchElements) EffectName() string { return "twk/patch-elements" }

// PerRecipient reports whether the content is rendered for each recipient of a
// broadcast.
func (p PatchElements) PerRecipient() bool { return isPerRecipient(p.Elements) }

// wirePatch is the JSON form of PatchElements.
type wirePatch struct {
	Elements string `json:"elements,omitempty" jsonschema:"description=markup; every user input in it is escaped already"`
	patchFields
}

type patchFields PatchElements

// JSONSchemaAlias returns the type whose fields are those of the JSON form.
func (PatchElements) JSONSchemaAlias() any { return wirePatch{} }

// MarshalJSON renders the content, without a context of its own.
func (p PatchElements) MarshalJSON() ([]byte, error) {
	markup, err := render(context.Background(), p.Elements)
	if err != nil {
		return nil, &Error{Op: "marshalling " + p.EffectName(), Field: "elements", Err: err}
	}
	return plainjson.Marshal(wirePatch{markup, patchFields(p)})
}

// UnmarshalJSON reads markup as [HTML].
func (p *PatchElements) UnmarshalJSON(b []byte) error {
	var w wirePatch
	if err := jsonread.Unmarshal(b, &w); err != nil {
		return err
	}
	*p = PatchElements(w.patchFields)
	if w.Elements != "" {
		p.Elements = HTML(w.Elements)
	}
	return nil
}

// PatchSignals sets signals of the page. Signals marshals to a JSON object; a
// null deletes a signal. Late values are resolved when the effect runs, and
// override Signals of the same name. In a broadcast, a placeholder that asks
// for the recipient is resolved for each.
type PatchSignals struct {
	// Signals are the new values by name: a map, a struct, or JSON text as a
	// json.RawMessage.
	Signals any `json:"signals,omitempty" jsonschema:"type=object,description=new values by name as an object; null deletes a signal"`
	// Late are values that placeholders give when the effect runs.
	Late map[string]effect.Late[any] `json:"late,omitempty" jsonschema:"description=values by name that placeholders give when the effect runs"`
	// OnlyIfMissing leaves signals alone that the page has already, even empty
	// ones.
	OnlyIfMissing bool `json:"onlyIfMissing,omitempty" jsonschema:"description=leave signals alone that exist already"`
	EventOptions
}

// EffectName returns "twk/patch-signals".
func (PatchSignals) EffectName() string { return "twk/patch-signals" }

// object returns the signals as JSON.
func (p PatchSignals) object() ([]byte, error) {
	b, err := json.Marshal(p.Signals)
	if err != nil {
		return nil, fieldError("signals", err)
	}
	if len(p.Late) == 0 {
		return b, nil
	}
	all := map[string]json.RawMessage{} // raw, so that large numbers stay exact
	if p.Signals != nil {
		if err := json.Unmarshal(b, &all); err != nil || all == nil {
			return nil, fieldError("signals", errNoObject)
		}
	}
	for name, l := range p.Late {
		v, err := json.Marshal(l.Value)
		if err != nil {
			return nil, fieldError("late", fmt.Errorf("%q: %w", name, err))
		}
		all[name] = v
	}
	b, err = json.Marshal(all)
	if err != nil {
		return nil, fieldError("late", err)
	}
	return b, nil
}

var errNoObject = errors.New("must be a JSON object")
