package inspect

import (
	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
)

// keyText is a key as people read it.
type keyText struct {
	Parts []string // scope, category and id; nil if there is none
	Exact string   // the form for patterns
	Conn  uint64   // the stream, 0 for none
}

func textOf(s console.Stream) keyText {
	t := keyText{Exact: s.Key, Conn: s.Conn}
	if k, err := sfere.ParseKey(s.Key); err == nil {
		t.Parts = partsOf(k)
	}
	return t
}

func partsOf(k sfere.Key) []string { return []string{k.Scope, k.Category, k.ID} }
