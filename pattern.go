package sfere

import (
	"encoding/json"
	"strings"
)

// Pattern chooses connections by their [Key]; any position may be left open
// with [Any]. It is a comparable value.
//
//	sfere.Pattern{Category: sfere.Is("lobby"), ID: sfere.Any}
//	sfere.Category("lobby")             // the same: one category, in the scope of the dispatch
//	sfere.Category("lobby").In("acme")  // in another scope
//	sfere.Category("lobby").AllScopes() // in every scope
//	sfere.Exactly(key)                  // one key
//	sfere.Everyone()                    // all open: every connection of every scope
//
// The scope may be left out. In an effect it then means the scope of the
// dispatch, as for a [Key]; [Options].Scope says which that is. Outside a
// dispatch, as in [Conns.Count], it means DefaultScope if the program has no
// scopes, and is an error otherwise. So no scope is ever crossed by leaving it
// out.
//
// The other positions have to be set: the zero Pattern is an error wherever it is
// used, and neither nobody nor everyone. Values that come from a user belong in
// [Is], which refuses "*"; text or JSON that a user wrote is no place to take a
// pattern from.
//
// Its JSON form is {"scope":"*","category":"lobby","id":"*"}, where "*" means
// Any; a pattern without a scope has no "scope". The other fields are needed,
// unknown, repeated or differently spelled ones are refused, and a pattern that
// is not valid can be neither written nor read.
type Pattern struct {
	Scope    Match `json:"scope,omitempty" jsonschema:"minLength=1,maxLength=1024,description=a scope; or * for all; left out: the scope of the dispatch"`
	Category Match `json:"category" jsonschema:"minLength=1,maxLength=1024,description=a category; or * for all"`
	ID       Match `json:"id" jsonschema:"minLength=1,maxLength=1024,description=an id; or * for all"`
}

// Everyone matches every connection of every scope. Everyone().In(scope) is
// everyone in one scope, and Pattern{Category: Any, ID: Any} everyone in that of
// the dispatch.
func Everyone() Pattern { return Pattern{Scope: Any, Category: Any, ID: Any} }

// Exactly matches the one key k, in the scope of the dispatch if k has none. The
// pattern is valid if the key is, but for its scope.
func Exactly(k Key) Pattern {
	if k.Scope == "" {
		return Pattern{Category: Is(k.Category), ID: Is(k.ID)}
	}
	// Three calls of Is, with one allocation between them.
	s := isPrefix + k.Scope + isPrefix + k.Category + isPrefix + k.ID
	a := len(isPrefix) + len(k.Scope)
	b := a + len(isPrefix) + len(k.Category)
	return Pattern{Scope: Match(s[:a]), Category: Match(s[a:b]), ID: Match(s[b:])}
}

// Category matches every connection of one category in the scope of the
// dispatch; use [Pattern.In] for another and [Pattern.AllScopes] for all.
func Category(category string) Pattern {
	return Pattern{Category: Is(category), ID: Any}
}

// In returns the same pattern for one scope only. It does not change p.
func (p Pattern) In(scope string) Pattern {
	p.Scope = Is(scope)
	return p
}

// AllScopes returns the same pattern for every scope. It does not change p.
func (p Pattern) AllScopes() Pattern {
	p.Scope = Any
	return p
}

// Validate returns a *[KeyError] for the first position that is not set, but for
// the scope, or is Is of something that cannot be in a key.
func (p Pattern) Validate() error {
	for i, m := range p.positions() {
		if i == 0 && m == "" {
			continue // the scope of the dispatch
		}
		if reason := m.refusal(); reason != "" {
			v := strings.TrimPrefix(string(m), isPrefix)
			return &KeyError{Pattern: true, Field: fieldNames[i], Value: beginning(v), Reason: reason}
		}
	}
	return nil
}

// Matches reports whether p accepts k, which should be a valid key. As there is no
// dispatch, a pattern without a scope accepts keys of DefaultScope only. A
// pattern that is not valid accepts nothing; [Pattern.Validate] tells the two
// apart.
func (p Pattern) Matches(k Key) bool {
	if p.Scope == "" {
		p.Scope = isPrefix + DefaultScope
	}
	want, _, ok := p.fixed()
	return ok && accepts(want, k)
}

// Exact returns the k of [Exactly], and false if p may match several keys or none.
// It has no scope if p has none.
func (p Pattern) Exact() (k Key, ok bool) {
	open := p.Scope == ""
	if open {
		p.Scope = isPrefix + DefaultScope
	}
	k, shape, ok := p.fixed()
	if !ok || shape != shapeExact {
		return Key{}, false
	}
	if open {
		k.Scope = ""
	}
	return k, true
}

// String returns the text form scope/category/id with "*" for each open
// position, as in */lobby/*; values are escaped as in [Key.String]. The text of
// a pattern without a scope begins with the slash, as in /lobby/*, and is refused
// by [ParsePattern] like that of a pattern that is not valid: whoever writes a
// pattern as text, such as an operator, has no dispatch that could fill it in.
func (p Pattern) String() string {
	return p.Scope.String() + "/" + p.Category.String() + "/" + p.ID.String()
}

// ParsePattern reads the text form of a pattern. It accepts what [ParseKey]
// accepts, and "*" for an open position; all three parts are needed. The error
// is a *[KeyError]; the pattern is then the zero Pattern.
func ParsePattern(s string) (Pattern, error) {
	parts, err := splitText(s, true)
	if err != nil {
		return Pattern{}, err
	}
	var m [3]Match
	for i, text := range parts {
		if text == wildcard {
			m[i] = Any
			continue
		}
		v, ok := unescape(text)
		if !ok {
			return Pattern{}, &KeyError{Pattern: true, Field: fieldNames[i], Value: beginning(text), Reason: reasonEscape}
		}
		m[i] = Is(v) // also for an escaped "*", which Validate refuses
	}
	p := Pattern{m[0], m[1], m[2]}
	if err := p.Validate(); err != nil {
		return Pattern{}, err
	}
	return p, nil
}

// MarshalJSON implements [json.Marshaler]. The error is that of
// [Pattern.Validate].
func (p Pattern) MarshalJSON() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	type plain Pattern
	return json.Marshal(plain(p))
}

// UnmarshalJSON implements [json.Unmarshaler]. The error is a *[KeyError] for
// everything but broken JSON; p is then left alone.
func (p *Pattern) UnmarshalJSON(data []byte) error {
	v, err := decodeFields(data, true)
	if err != nil {
		return err
	}
	got := Pattern{Category: matchOf(v[1]), ID: matchOf(v[2])}
	if v[0] != "" {
		got.Scope = matchOf(v[0])
	}
	if err := got.Validate(); err != nil {
		return err
	}
	*p = got
	return nil
}

func (p Pattern) positions() [3]Match { return [3]Match{p.Scope, p.Category, p.ID} }

// A shape tells which positions of a pattern are fixed.
type shape uint8

const (
	shapeScope shape = 1 << iota
	shapeCategory
	shapeID

	shapeOpen  shape = 0
	shapeExact       = shapeScope | shapeCategory | shapeID
)

// fixed returns the values p asks for, with "" for the open positions: no key
// has an empty field, so that the values alone identify the pattern. It
// returns false for a pattern that can match nothing because it is not valid.
func (p Pattern) fixed() (want Key, s shape, ok bool) {
	if p.Scope != Any {
		if want.Scope, ok = p.Scope.Value(); !ok {
			return Key{}, 0, false
		}
		s |= shapeScope
	}
	if p.Category != Any {
		if want.Category, ok = p.Category.Value(); !ok {
			return Key{}, 0, false
		}
		s |= shapeCategory
	}
	if p.ID != Any {
		if want.ID, ok = p.ID.Value(); !ok {
			return Key{}, 0, false
		}
		s |= shapeID
	}
	return want, s, true
}

// accepts reports whether k has the values that want does not leave open.
func accepts(want, k Key) bool {
	return (want.Scope == "" || want.Scope == k.Scope) &&
		(want.Category == "" || want.Category == k.Category) &&
		(want.ID == "" || want.ID == k.ID)
}

// only returns k with the positions that s does not fix left empty.
func (k Key) only(s shape) Key {
	if s&shapeScope == 0 {
		k.Scope = ""
	}
	if s&shapeCategory == 0 {
		k.Category = ""
	}
	if s&shapeID == 0 {
		k.ID = ""
	}
	return k
}

// String returns the names of the fixed positions, such as "scope+id".
func (s shape) String() string {
	switch s {
	case shapeOpen:
		return "all"
	case shapeExact:
		return "key"
	}
	var names []string
	for i, name := range fieldNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}
