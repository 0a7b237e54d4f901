package twk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/sfere-go/sfere/effect"
)

// Mode is how elements are patched into the page.
type Mode string

// The modes. The empty mode is Outer. All but Outer and Replace need a selector.
const (
	Outer   Mode = "outer"   // morph into the element with the same id
	Inner   Mode = "inner"   // morph the inside of the target
	Replace Mode = "replace" // replace without morphing, which loses input and focus
	Prepend Mode = "prepend"
	Append  Mode = "append"
	Before  Mode = "before"
	After   Mode = "after"
	Remove  Mode = "remove"
)

func (m Mode) check() error {
	switch m {
	case "", Outer, Inner, Replace, Prepend, Append, Before, After, Remove:
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
	EventID string `json:"eventId,omitempty" jsonschema:"description=id that the client sends back when it reconnects; printable ASCII"`
	// RetryMillis sets the client's base delay before it reconnects, in
	// milliseconds. Zero leaves it.
	RetryMillis int `json:"retryMillis,omitempty" jsonschema:"description=base delay in milliseconds before the client reconnects"`
	// Coalesce, if not empty, lets this event take the place of a waiting one
	// with the same key in a client's outbox. Only for events that make the
	// older one unnecessary.
	Coalesce string `json:"coalesce,omitempty" jsonschema:"description=key by which a newer event replaces a waiting older one"`
	// Overflow says what happens if the outbox is full; empty means the
	// stream's own policy.
	Overflow Overflow `json:"overflow,omitempty" jsonschema:"enum=,enum=disconnect,enum=drop-oldest,description=what happens if a client's outbox is full"`
}

// PatchElements patches markup into the page.
type PatchElements struct {
	Elements               Content   `json:"-"`
	Selector               string    `json:"selector,omitempty"`
	Mode                   Mode      `json:"mode,omitempty"`
	Namespace              Namespace `json:"namespace,omitempty"`
	ViewTransition         bool      `json:"viewTransition,omitempty"`
	ViewTransitionSelector string    `json:"viewTransitionSelector,omitempty"`
	EventOptions
}

// EffectName returns "twk/patch-elements".
func (PatchElements) EffectName() string { return "twk/patch-elements" }

// PerRecipient reports whether the content is rendered for each recipient of a
// broadcast.
func (p PatchElements) PerRecipient() bool { return isPerRecipient(p.Elements) }

// wirePatch is the JSON form of PatchElements.
type wirePatch struct {
	Elements string `json:"elements,omitempty"`
	patchFields
}

type patchFields PatchElements

// MarshalJSON renders the content, without a context of its own.
func (p PatchElements) MarshalJSON() ([]byte, error) {
	markup, err := render(context.Background(), p.Elements)
	if err != nil {
		return nil, &Error{Op: "marshalling " + p.EffectName(), Field: "elements", Err: err}
	}
	return marshal(wirePatch{markup, patchFields(p)})
}

// UnmarshalJSON reads markup as [HTML].
func (p *PatchElements) UnmarshalJSON(b []byte) error {
	var w wirePatch
	if err := unmarshal(b, &w); err != nil {
		return err
	}
	*p = PatchElements(w.patchFields)
	if w.Elements != "" {
		p.Elements = HTML(w.Elements)
	}
	return nil
}

// PatchSignals sets signals of the page. Signals marshals to a JSON object; a
// null deletes a signal. Late values are resolved when the effect runs, in a
// broadcast for each recipient, and override Signals of the same name.
type PatchSignals struct {
	Signals       any                         `json:"signals,omitempty"`
	Late          map[string]effect.Late[any] `json:"late,omitempty"`
	OnlyIfMissing bool                        `json:"onlyIfMissing,omitempty"`
	EventOptions
}

// EffectName returns "twk/patch-signals".
func (PatchSignals) EffectName() string { return "twk/patch-signals" }

// object returns the signals as JSON.
func (p PatchSignals) object() ([]byte, error) {
	if len(p.Late) == 0 {
		b, err := json.Marshal(p.Signals)
		if err != nil {
			return nil, fieldError("signals", err)
		}
		return b, nil
	}
	all := map[string]any{}
	if p.Signals != nil {
		b, err := json.Marshal(p.Signals)
		if err == nil {
			err = json.Unmarshal(b, &all)
		}
		if err != nil {
			return nil, fieldError("signals", err)
		}
	}
	for name, l := range p.Late {
		all[name] = l.Value
	}
	b, err := json.Marshal(all)
	if err != nil {
		return nil, fieldError("late", err)
	}
	return b, nil
}

// marshal is json.Marshal without HTML escaping.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// unmarshal is json.Unmarshal that refuses unknown fields.
func unmarshal(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}
