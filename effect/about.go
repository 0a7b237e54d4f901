package effect

import (
	"maps"

	"github.com/sfere-go/sfere/internal/core"
)

// Reach says how far an effect reaches; a dry run leaves out what is not pure.
type Reach uint8

// The reaches of effects. The zero value is the careful one.
const (
	External Reach = iota // changes something outside this process, or might
	Local                 // changes something in this process only
	Pure                  // changes nothing
)

// String returns "external", "local" or "pure".
func (r Reach) String() string {
	switch r {
	case Local:
		return "local"
	case Pure:
		return "pure"
	}
	return "external"
}

// About is what an item says of itself beside its name, doc and types. All
// fields are optional.
type About struct {
	// Reach defaults to External. It means nothing for actions and placeholders.
	Reach Reach
	// Shared says that the effect does nothing but write to the stream in its
	// Ctx, and the same bytes to every stream: a broadcast then runs it once
	// for all its recipients.
	Shared bool
	// Dry says that the handler knows of dry runs: where [IsDry] it changes
	// nothing and records with [WouldDo] what it would have done. A dry run leaves
	// out effects that are neither Dry nor Pure.
	Dry bool
	// Examples are sample values for catalogues and tests.
	Examples []Data
	// Meta is kept for catalogues; values should marshal to JSON.
	Meta map[string]any
}

// with returns a copy of item that says a of itself. Examples and Meta are
// copied.
func (a About) with(item core.Item) core.Item {
	old := item.State()
	if old == nil { // a zero Effect, which registry.New reports
		return item
	}
	e := *old.Entry
	e.Reach, e.Shared, e.Dry, e.Meta = uint8(a.Reach), a.Shared, a.Dry, maps.Clone(a.Meta)
	e.Examples = nil
	for _, x := range a.Examples {
		e.Examples = append(e.Examples, x)
	}
	return core.NewItem(core.ItemState{Entry: &e, Errs: old.Errs})
}
