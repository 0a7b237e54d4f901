package sfere

import (
	"context"
	"errors"
	"net/http"

	"github.com/sfere-go/sfere/twk"
)

// complete fills in the scope of a key that has none, and checks the key. The
// scope comes from, in this order:
//
//   - the request of the dispatch;
//   - in a broadcast, the key of the recipient;
//   - the key that the stream of the dispatch is held under already;
//   - DefaultScope, if the program has no scope function.
//
// So a scope is never crossed by leaving it out.
func (c *Conns) complete(ctx context.Context, s twk.Session, k Key) (Key, error) {
	if k.Scope == "" {
		scope, err := c.scope(ctx, s)
		if err != nil {
			return k, err
		}
		k.Scope = scope
	}
	return k, k.Validate()
}

func (c *Conns) scope(ctx context.Context, s twk.Session) (string, error) {
	switch {
	case c.opts.Scope == nil:
		return DefaultScope, nil
	case s.Request != nil:
		scope, err := c.opts.Scope(s.Request)
		if err != nil {
			return "", &Error{Op: "finding the scope", Status: statusOf(err), Err: err}
		}
		if scope == "" {
			return "", &Error{Op: "finding the scope", Status: http.StatusForbidden, Err: ErrNoScope}
		}
		return scope, nil
	}
	if r, ok := RecipientOf(ctx); ok {
		return r.Key.Scope, nil
	}
	if s.Conn != nil {
		if e := c.entryOf(s.Conn); e != nil {
			return e.firstKey().Scope, nil
		}
	}
	return "", &Error{Op: "finding the scope", Status: http.StatusForbidden, Err: ErrNoScope}
}

// statusOf returns the status that err asks for, 0 if none.
func statusOf(err error) int {
	if s, ok := errors.AsType[interface {
		error
		HTTPStatus() int
	}](err); ok {
		return s.HTTPStatus()
	}
	return 0
}

// firstKey returns the key that e was registered under.
func (e *entry) firstKey() Key {
	e.owner.mu.RLock()
	defer e.owner.mu.RUnlock()
	return e.first.key
}

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
