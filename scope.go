package sfere

import (
	"context"
	"errors"
	"net/http"

	"github.com/sfere-go/sfere/twk"
)

// scoper fills in scopes that one effect leaves out, see [Options].Scope. It
// belongs to one goroutine.
type scoper struct {
	c     *Conns
	ctx   context.Context
	s     twk.Session
	scope string // once it is known
}

func (c *Conns) scoper(ctx context.Context, call twk.Call) *scoper {
	return &scoper{c: c, ctx: ctx, s: call.Ctx()}
}

// key fills in the scope of k if it has none, and checks k.
func (sc *scoper) key(k Key) (Key, error) {
	if k.Scope == "" {
		if err := k.validateOpen(); err != nil {
			return k, err
		}
		if err := sc.find(func() string { return k.String() }); err != nil {
			return k, err
		}
		k.Scope = sc.scope
	}
	return k, k.Validate()
}

// pattern fills in the scope of p if it has none, and checks p.
func (sc *scoper) pattern(p Pattern) (Pattern, error) {
	if err := p.Validate(); err != nil || p.Scope != "" {
		return p, err
	}
	if err := sc.find(func() string { return p.String() }); err != nil {
		return p, err
	}
	p = p.In(sc.scope)
	return p, p.Validate()
}

// find looks for the scope of the dispatch, for an address without one.
func (sc *scoper) find(text func() string) (err error) {
	if sc.scope == "" {
		sc.scope, err = sc.c.scopeOf(sc.ctx, sc.s, text)
	}
	return err
}

// scopeOf returns the scope of a dispatch; text tells what it is needed for.
func (c *Conns) scopeOf(ctx context.Context, s twk.Session, text func() string) (string, error) {
	if s.Request != nil {
		return c.requestScope(s.Request, text)
	}
	if r, ok := RecipientOf(ctx); ok {
		return r.Key.Scope, nil
	}
	if s.Conn != nil {
		if e := c.entryOf(s.Conn); e != nil {
			if k := e.firstKey(); k.Scope != "" {
				return k.Scope, nil
			}
		}
	}
	if c.opts.Scope == nil {
		return DefaultScope, nil
	}
	return "", noScope(text())
}

func (c *Conns) requestScope(r *twk.Request, text func() string) (string, error) {
	if c.opts.Scope == nil {
		return DefaultScope, nil
	}
	scope, err := c.opts.Scope(r)
	if err != nil {
		return "", &Error{Op: "finding the scope", Status: statusOf(err), Err: err}
	}
	if scope == "" {
		return "", noScope(text())
	}
	return scope, nil
}

// noScope is the error of an address without a scope where there is none.
func noScope(text string) error {
	return &Error{Op: "finding the scope of " + quoteShort(text), Status: http.StatusForbidden, Err: ErrNoScope}
}

// outside checks a pattern that is used outside a dispatch, and fills in the scope
// if it has none.
func (c *Conns) outside(p Pattern) (Pattern, error) {
	if err := p.Validate(); err != nil || p.Scope != "" {
		return p, err
	}
	if c.opts.Scope != nil {
		return p, noScope(p.String())
	}
	return p.In(DefaultScope), nil
}

// outsideKey checks a key that is used outside a dispatch, and fills in the scope
// if it has none.
func (c *Conns) outsideKey(k Key) (Key, error) {
	if k.Scope == "" {
		if c.opts.Scope != nil {
			return k, noScope(k.String())
		}
		k.Scope = DefaultScope
	}
	return k, k.Validate()
}

// statusOf returns the status that err asks for, 0 if none, whatever its methods do.
func statusOf(err error) (status int) {
	defer func() {
		if recover() != nil {
			status = 0
		}
	}()
	if s, ok := errors.AsType[interface {
		error
		HTTPStatus() int
	}](err); ok {
		return s.HTTPStatus()
	}
	return 0
}

// firstKey returns the key that e was registered under, or is to be when its
// stream opens; the zero Key if there is none.
func (e *entry) firstKey() Key {
	e.owner.mu.RLock()
	defer e.owner.mu.RUnlock()
	if e.state == entryNew && len(e.asks) > 0 {
		return e.asks[0].key
	}
	return e.first.key
}

// HeldAs returns what firstKey does, for tools that have nothing but the stream.
func (e *entry) HeldAs() Key { return e.firstKey() }

// ownKey returns the key of the recipient that ctx is for, or of the stream of
// the dispatch.
func (c *Conns) ownKey(ctx context.Context, s twk.Session) (Key, error) {
	if r, ok := RecipientOf(ctx); ok {
		return r.Key, nil
	}
	if s.Conn != nil {
		if e := c.entryOf(s.Conn); e != nil {
			if k := e.firstKey(); k != (Key{}) {
				return k, nil
			}
		}
	}
	return Key{}, &Error{Op: "finding the own key", Err: ErrNotHeld}
}
