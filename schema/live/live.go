// Package live makes the [schema.Console] of a program that holds its connections
// with package sfere.
package live

import (
	"context"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/schema"
	"github.com/sfere-go/sfere"
)

// Console returns the console of a program that runs effects with d and holds its
// connections in conns: connections are a list of [sfere.Held], and a command
// with a pattern is a [sfere.Broadcast]. newCtx and o are as in
// [schema.NewConsole]; functions set in o take precedence.
func Console[C any](d *dispatch.Dispatcher[C], newCtx func(context.Context) C, conns *sfere.Conns, o *schema.ConsoleOptions) *schema.Console {
	var v schema.ConsoleOptions
	if o != nil {
		v = *o
	}
	if v.Connections == nil {
		v.Connections = func(pattern string) (any, error) {
			p, err := parse(pattern)
			if err != nil {
				return nil, err
			}
			held, err := conns.Snapshot(p)
			if held == nil {
				held = []sfere.Held{} // [] in JSON
			}
			return held, err
		}
	}
	if v.Address == nil {
		v.Address = func(pattern string, effects effect.List) (effect.Data, error) {
			p, err := parse(pattern)
			return sfere.Broadcast{To: p, Effects: effects}, err
		}
	}
	return schema.NewConsole(d, newCtx, &v)
}

// parse reads a pattern; the empty text is everyone.
func parse(pattern string) (sfere.Pattern, error) {
	if pattern == "" {
		return sfere.Everyone, nil
	}
	return sfere.ParsePattern(pattern)
}
