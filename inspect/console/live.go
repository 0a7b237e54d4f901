package console

import (
	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
)

// held returns a function that lists what conns holds.
func held(conns *sfere.Conns) func(pattern string) (any, error) {
	return func(pattern string) (any, error) {
		p, err := parsePattern(pattern)
		if err != nil {
			return nil, err
		}
		all, err := conns.Snapshot(p)
		if all == nil {
			all = []sfere.ConnInfo{} // [] in JSON
		}
		return all, err
	}
}

// broadcast addresses effects to the streams that match a pattern.
func broadcast(pattern string, effects effect.List) (effect.Data, error) {
	p, err := parsePattern(pattern)
	return sfere.Broadcast{To: p, Effects: effects}, err
}

// parsePattern reads a pattern; the empty text is everyone.
func parsePattern(text string) (sfere.Pattern, error) {
	if text == "" {
		return sfere.Everyone(), nil
	}
	return sfere.ParsePattern(text)
}
