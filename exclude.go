package sfere

import (
	"context"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/twk"
)

// Exclude says which connections a [Broadcast] or [Close] leaves out: those
// under any of the keys and those that match any of the patterns, with all
// their keys. A scope missing from a key comes from the request.
type Exclude struct {
	Keys     []effect.Late[Key] `json:"keys,omitempty" jsonschema:"description=keys to leave out"`
	Matching []Pattern          `json:"matching,omitempty" jsonschema:"description=patterns to leave out"`
}

// Except excludes the connections under keys.
func Except(keys ...Key) Exclude {
	var x Exclude
	for _, k := range keys {
		x.Keys = append(x.Keys, effect.Now(k))
	}
	return x
}

// ExceptMatching excludes the connections that match any of the patterns.
func ExceptMatching(ps ...Pattern) Exclude { return Exclude{Matching: ps} }

// excluded is an [Exclude] whose keys are complete.
type excluded struct {
	keys     []Key
	patterns []Pattern
}

// excluded checks to and x.
func (c *Conns) excluded(ctx context.Context, call twk.Call, to Pattern, x Exclude) (excluded, error) {
	if err := to.Validate(); err != nil {
		return excluded{}, err
	}
	out := excluded{patterns: x.Matching}
	for _, p := range x.Matching {
		if err := p.Validate(); err != nil {
			return excluded{}, err
		}
	}
	for _, k := range x.Keys {
		key, err := c.complete(ctx, call.Ctx(), k.Value)
		if err != nil {
			return excluded{}, err
		}
		out.keys = append(out.keys, key)
	}
	return out, nil
}

// find returns the excluded entries; c.mu is held.
func (x excluded) find(c *Conns) map[*entry]bool {
	var es []*entry
	for _, k := range x.keys {
		es = c.index.appendKey(es, k)
	}
	for _, p := range x.patterns {
		es = c.index.appendMatches(es, p)
	}
	if len(es) == 0 {
		return nil
	}
	out := make(map[*entry]bool, len(es))
	for _, e := range es {
		out[e] = true
	}
	return out
}
