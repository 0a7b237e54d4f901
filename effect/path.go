package effect

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sfere-go/sfere/internal/core"
)

// Path tells where an item came from: "2" is the third item of the list that
// was dispatched, "2.0" the first item that the action there expanded to.
type Path struct {
	index int
	up    *core.Step
}

// NewPath returns the path of the i-th item of a dispatched list.
func NewPath(i int) Path { return Path{index: i} }

// Child returns the path of the i-th item that the action called name at p
// expanded to.
func (p Path) Child(name string, i int) Path {
	return Path{i, &core.Step{Name: name, Index: p.index, Depth: p.Depth() + 1, Up: p.up}}
}

// Sibling returns p with another index.
func (p Path) Sibling(i int) Path { return Path{i, p.up} }

// Index returns the place of the item in its own list.
func (p Path) Index() int { return p.index }

// Up returns the opaque part of p that names the list; it is nil at the top.
func (p Path) Up() any {
	if p.up == nil {
		return nil
	}
	return p.up
}

// Indices returns the indices from the outermost list inwards.
func (p Path) Indices() []int {
	out := []int{p.index}
	for s := p.up; s != nil; s = s.Up {
		out = append(out, s.Index)
	}
	slices.Reverse(out)
	return out
}

// Chain returns the names of the actions that were expanded to reach the item,
// outermost first.
func (p Path) Chain() []string {
	var out []string
	for s := p.up; s != nil; s = s.Up {
		out = append(out, s.Name)
	}
	slices.Reverse(out)
	return out
}

// Depth returns the number of actions in the chain.
func (p Path) Depth() int {
	if p.up == nil {
		return 0
	}
	return p.up.Depth
}

// String returns the indices joined with dots.
func (p Path) String() string {
	if p.up == nil {
		return strconv.Itoa(p.index)
	}
	var b strings.Builder
	for i, n := range p.Indices() {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// Equal reports whether both paths have the same indices.
func (p Path) Equal(q Path) bool { return slices.Equal(p.Indices(), q.Indices()) }

// MarshalText returns the String form.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
