package schema

import (
	"bytes"
	"encoding/json"
	"net/url"
	"sync"

	check "github.com/santhosh-tekuri/jsonschema/v6"
)

// compiler makes validators of single items. What two items refer to is compiled
// once. Its lock is taken after all code of the program has had its part in the
// schemas, and no other lock is taken under it.
type compiler struct {
	mu  sync.Mutex // guards all below
	on  *check.Compiler
	has map[string]bool // the resources that on knows
}

// checked is the validator of one item, or why there is none. It is immutable.
type checked struct {
	args   *check.Schema // what may stand under "args"
	needed bool          // "args" must be there
	err    error
}

// compiled returns the validator of the arguments of e, made when it is first
// asked for; those of a placeholder may also be given in order. It checks
// references to placeholders with their arguments, and the items of nested lists
// with their validators, which are made then. It returns nil if the item has no
// schema.
func (c *Catalogue) compiled(e *entry) (*checked, error) {
	k := once(&e.check, func() *checked {
		d := c.described(e)
		if d.item.Args == nil {
			return &checked{}
		}
		args := d.item.Args
		if d.item.Kind == Placeholders {
			b := newBuilder(c.options, c.refs, RegistryID)
			b.defs = args.Definitions
			whole := *args
			whole.Definitions, whole.Version, whole.Title = nil, "", ""
			ordered := *b.inOrder(&whole)
			ordered.Definitions, ordered.Version = args.Definitions, args.Version
			args = &ordered
		}
		url := "urn:sfere:item:" + url.PathEscape(e.info.Name)
		plain, err := plainSchema(args)
		if err != nil {
			return &checked{err: err}
		}
		resources := map[string]any{url: plain}
		if d.outside {
			resources[RegistryID] = *once(&c.checking, func() *any {
				plain, _ := plainSchema(c.refs.checkingDocument()) // names only
				return &plain
			})
		}
		s, err := c.compile(url, resources)
		return &checked{s, len(d.item.Args.Required) > 0, err}
	})
	if k.args == nil {
		return nil, k.err
	}
	return k, nil
}

// compile makes a validator of the schema at url. resources are that and what it
// refers to.
func (c *Catalogue) compile(url string, resources map[string]any) (*check.Schema, error) {
	k := &c.compiler
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.on == nil {
		k.on, k.has = check.NewCompiler(), map[string]bool{}
		c.vocabulary(k.on)
	}
	for at, s := range resources {
		if k.has[at] {
			continue
		}
		if err := k.on.AddResource(at, s); err != nil {
			return nil, err
		}
		k.has[at] = true
	}
	return k.on.Compile(url)
}

// plainSchema returns s as the compiler takes it. Schemas that types give of
// themselves can hold anything.
func plainSchema(s *Schema) (plain any, err error) {
	err = guard(func() error {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		plain, err = check.UnmarshalJSON(bytes.NewReader(text))
		return err
	})
	return plain, err
}
