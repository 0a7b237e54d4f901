package console

import (
	"context"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/effect"
)

// held returns a function that lists what conns holds.
func held(conns *sfere.Conns) func(context.Context, ConnQuery) (sfere.Page, error) {
	return func(ctx context.Context, q ConnQuery) (sfere.Page, error) {
		p, err := parsePattern(q.Pattern)
		if err != nil {
			return sfere.Page{}, err
		}
		if q.Nodes {
			return conns.ListNodes(ctx, p, q.After, q.Limit)
		}
		return conns.Page(p, q.After, q.Limit)
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
