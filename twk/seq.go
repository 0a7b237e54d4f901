package twk

import (
	"context"
	"strings"

	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/internal/plainjson"
)

// PatchElementsSeq patches several pieces of markup with one event. Blank pieces
// are left out, and a line break comes between the others. The other fields are
// those of [PatchElements].
type PatchElementsSeq struct {
	// Elements are the pieces of markup, in order.
	Elements []Content `json:"-"`
	// Selector finds the targets. Default: the ids of the elements.
	Selector string `json:"selector,omitempty" jsonschema:"description=CSS selector of the targets; the default is the ids of the elements"`
	// Mode says what is done to the targets. Default: ModeOuter.
	Mode Mode `json:"mode,omitempty" jsonschema:"enum=,enum=outer,enum=inner,enum=replace,enum=prepend,enum=append,enum=before,enum=after,enum=remove,description=what is done to the targets; outer if empty; all but outer and replace need a selector"`
	// Namespace is that of the elements. Default: HTMLNamespace.
	Namespace Namespace `json:"namespace,omitempty" jsonschema:"enum=,enum=html,enum=svg,enum=mathml,description=markup language of the elements; html if empty"`
	// ViewTransition animates the change; see PatchElements.
	ViewTransition bool `json:"viewTransition,omitempty" jsonschema:"description=animate the change as a view transition"`
	// ViewTransitionSelector limits the transition to one element, and turns
	// ViewTransition on.
	ViewTransitionSelector string `json:"viewTransitionSelector,omitempty" jsonschema:"description=CSS selector of the element that the view transition is limited to"`
	EventOptions
}

// EffectName returns "twk/patch-elements-seq".
func (PatchElementsSeq) EffectName() string { return "twk/patch-elements-seq" }

// PerRecipient reports whether any of the content is rendered for each
// recipient of a broadcast.
func (p PatchElementsSeq) PerRecipient() bool { return isPerRecipient(p.Elements...) }

// one returns the patch with the same options and no elements.
func (p PatchElementsSeq) one() PatchElements {
	return PatchElements{
		Selector: p.Selector, Mode: p.Mode, Namespace: p.Namespace, ViewTransition: p.ViewTransition,
		ViewTransitionSelector: p.ViewTransitionSelector, EventOptions: p.EventOptions,
	}
}

// wireSeq is the JSON form of PatchElementsSeq.
type wireSeq struct {
	Elements []string `json:"elements,omitempty" jsonschema:"description=pieces of markup; every user input in them is escaped already"`
	seqFields
}

type seqFields PatchElementsSeq

// JSONSchemaAlias returns the type whose fields are those of the JSON form.
func (PatchElementsSeq) JSONSchemaAlias() any { return wireSeq{} }

// MarshalJSON renders the content, without a context of its own.
func (p PatchElementsSeq) MarshalJSON() ([]byte, error) {
	w := wireSeq{seqFields: seqFields(p)}
	for _, c := range p.Elements {
		markup, err := render(context.Background(), c)
		if err != nil {
			return nil, &Error{Op: "marshalling " + p.EffectName(), Field: "elements", Err: err}
		}
		w.Elements = append(w.Elements, markup)
	}
	return plainjson.Marshal(w)
}

// UnmarshalJSON reads markup as [HTML].
func (p *PatchElementsSeq) UnmarshalJSON(b []byte) error {
	var w wireSeq
	if err := jsonread.Unmarshal(b, &w); err != nil {
		return err
	}
	*p = PatchElementsSeq(w.seqFields)
	for _, markup := range w.Elements {
		p.Elements = append(p.Elements, HTML(markup))
	}
	return nil
}

// RemoveElement removes elements from the page.
type RemoveElement struct {
	// Selector finds the elements; see [ByID] and [ElementID].
	Selector string `json:"selector" jsonschema:"minLength=1,description=CSS selector of the elements to remove"`
	// ViewTransition animates the change; see PatchElements.
	ViewTransition bool `json:"viewTransition,omitempty" jsonschema:"description=animate the change as a view transition"`
	// ViewTransitionSelector limits the transition to one element, and turns
	// ViewTransition on.
	ViewTransitionSelector string `json:"viewTransitionSelector,omitempty" jsonschema:"description=CSS selector of the element that the view transition is limited to"`
	EventOptions
}

// EffectName returns "twk/remove-element".
func (RemoveElement) EffectName() string { return "twk/remove-element" }

// join renders cs for one event.
func join(ctx context.Context, cs []Content) (string, error) {
	var pieces []string
	for _, c := range cs {
		markup, err := render(ctx, c)
		if err != nil {
			return "", err
		}
		if strings.TrimSpace(markup) != "" {
			pieces = append(pieces, markup)
		}
	}
	return strings.Join(pieces, "\n"), nil
}
