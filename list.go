package sfere

import (
	"cmp"
	"iter"
	"slices"

	"github.com/sfere-go/sfere/sse"
)

// ConnInfo is one registered connection as it was a moment ago.
type ConnInfo struct {
	Keys []Key        `json:"keys"` // sorted
	Conn sse.ConnInfo `json:"conn"`
	// Views are the views that it shows, each as its name and its value in JSON, such
	// as `app/board {"id":7}`: the 8 that it has shown for longest, of each at most 256
	// bytes. MoreViews is how many are left out.
	Views     []string `json:"views,omitempty"`
	MoreViews int      `json:"moreViews,omitempty"`
	// Node is the machine that has it, and MoreKeys how many keys are left out, where
	// [Conns.ListNodes] lists it.
	Node     string `json:"node,omitempty"`
	MoreKeys int    `json:"moreKeys,omitempty"`
}

// info returns what can be seen of e, which has keys.
func (e indexed) info(keys []Key) ConnInfo {
	i := ConnInfo{Keys: keys, Conn: e.conn.Info()}
	i.Views, i.MoreViews = e.owner.views.viewsOf(e)
	return i
}

// List returns the distinct keys that match p, sorted. Being listed keeps no
// connection from expiring. A pattern without a scope means [DefaultScope], or is an
// error with [ErrNoScope] in a program with Options.Scope; the other errors are those
// of [Pattern.Validate]. The same holds for all methods of this kind.
func (c *Conns) List(p Pattern) ([]Key, error) {
	p, err := c.outside(p)
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	counts := c.index.keys(p)
	c.mu.RUnlock()
	keys := make([]Key, len(counts))
	for i, k := range counts {
		keys[i] = k.Key
	}
	return keys, nil
}

// Count returns the number of connections that match p, without listing them,
// with the errors of [Conns.List].
func (c *Conns) Count(p Pattern) (int, error) {
	p, err := c.outside(p)
	if err != nil {
		return 0, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.countLocked(p), nil
}

func (c *Conns) countLocked(p Pattern) int {
	if _, s, _ := p.fixed(); s == shapeOpen { // also where streams have several keys
		return c.held
	}
	return c.index.count(p)
}

// Snapshot returns the connections that match p, sorted by first key and then
// by age, with the errors of [Conns.List].
func (c *Conns) Snapshot(p Pattern) ([]ConnInfo, error) {
	all, err := c.All(p)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(all, func(a, b ConnInfo) int {
		return cmp.Or(compareKeys(a.Keys[0], b.Keys[0]), cmp.Compare(a.Conn.ID, b.Conn.ID))
	}), nil
}

// All iterates over the connections that match p, in no particular order, with
// the errors of [Conns.List]. Who is among them is settled when All returns; their
// state is read when they are yielded, and those that are gone by then are left
// out. No lock is held meanwhile, so the consumer may be slow. It costs a pointer
// for each.
func (c *Conns) All(p Pattern) (iter.Seq[ConnInfo], error) {
	p, err := c.outside(p)
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	es := c.index.appendMatches(nil, p)
	c.mu.RUnlock()
	return func(yield func(ConnInfo) bool) {
		for _, e := range es {
			if keys := e.heldKeys(); keys != nil && !yield(e.info(keys)) {
				return
			}
		}
	}, nil
}

// heldKeys returns the keys of e, nil if it is not registered any more.
func (e *entry) heldKeys() []Key {
	e.owner.mu.RLock()
	defer e.owner.mu.RUnlock()
	if e.state == entryHeld {
		return e.keys()
	}
	return nil
}

// KeysOf returns the keys that a stream is held under, sorted; none if it is not
// held.
func (c *Conns) KeysOf(conn *sse.Conn) []Key {
	if e := c.entryOf(conn); e != nil {
		return e.heldKeys()
	}
	return nil
}

// Explain says which list answers p and how long it is, such as
// "category: 2 keys, 3 entries", or why p is no pattern.
func (c *Conns) Explain(p Pattern) string {
	p, err := c.outside(p)
	if err != nil {
		return "none: " + err.Error()
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.index.explain(p).String()
}
