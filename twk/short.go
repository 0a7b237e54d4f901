package twk

import (
	"fmt"

	"github.com/sfere-go/sfere/sse"
)

// Patch returns the effect that morphs the elements of content into the elements
// of the page that have the same ids.
func Patch(content Content) PatchElements { return PatchElements{Elements: content} }

// Append returns the effect that adds content after the last child of the
// target. content may be nil, here and in the functions below.
func Append(selector string, content Content) PatchElements {
	return PatchElements{Selector: selector, Mode: ModeAppend, Elements: content}
}

// Prepend returns the effect that adds content before the first child of the
// target.
func Prepend(selector string, content Content) PatchElements {
	return PatchElements{Selector: selector, Mode: ModePrepend, Elements: content}
}

// Inner returns the effect that morphs the children of the target into content.
func Inner(selector string, content Content) PatchElements {
	return PatchElements{Selector: selector, Mode: ModeInner, Elements: content}
}

// Replace returns the effect that replaces the target with content, without
// morphing.
func Replace(selector string, content Content) PatchElements {
	return PatchElements{Selector: selector, Mode: ModeReplace, Elements: content}
}

// Remove returns the effect that removes the target from the page.
func Remove(selector string) RemoveElement { return RemoveElement{Selector: selector} }

// Signals returns the effect that sets signals of the page, given as names and
// values in turn:
//
//	twk.Signals("message", "", "count", 3)
//
// It panics if a name is not a string or has no value.
func Signals(pairs ...any) PatchSignals {
	if len(pairs)%2 != 0 {
		panic(fmt.Sprintf("twk.Signals: %d arguments: use names and values in turn", len(pairs)))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			panic(fmt.Sprintf("twk.Signals: argument %d is a %T: use the name of a signal", i, pairs[i]))
		}
		m[name] = pairs[i+1]
	}
	return PatchSignals{Signals: m}
}

// Latest returns p as an event of which only the latest matters to a client: it
// takes the place of a waiting one with the same key, and is dropped rather than
// cutting a client that is slow.
func (p PatchElements) Latest(key string) PatchElements {
	p.EventOptions = p.latest(key)
	return p
}

// Latest returns p as an event of which only the latest matters; see
// [PatchElements.Latest].
func (p PatchSignals) Latest(key string) PatchSignals {
	p.EventOptions = p.latest(key)
	return p
}

func (o EventOptions) latest(key string) EventOptions {
	o.Coalesce, o.Overflow = key, sse.DropOldest
	return o
}
