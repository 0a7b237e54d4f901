package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/internal/jsonread"
)

// Mode is what a validator does about an item that does not fit its schema.
type Mode int

// The modes. The zero Mode is Off.
const (
	Off    Mode = iota // nothing is checked
	Report             // it is reported and runs all the same
	Strict             // it is an error of phase "validate" and does not run
)

// Validator returns a function for dispatch.Options.Validate, nil for [Off]. It
// checks the fields of each item; lists nested in it are checked when they are
// dispatched. In mode [Report] problems go to report, nil means a warning with
// slog.Default; it may be called from several goroutines at once.
//
// An item is marshalled to be checked, which renders the content of patches once
// more. Items from outside are worth that; for those made in Go, Report during
// development is enough. What cannot be marshalled is not checked.
func (c *Catalogue) Validator(m Mode, report func(effect.Data, *Error)) func(effect.Data) error {
	if m == Off {
		return nil
	}
	if report == nil {
		report = func(d effect.Data, e *Error) {
			slog.Warn("schema: an item does not fit its schema", "name", d.EffectName(), "error", e)
		}
	}
	var plans sync.Map // of *core.Plan by reflect.Type
	return func(d effect.Data) error {
		err := c.validateData(d, &plans)
		if invalid, ok := errors.AsType[*Error](err); ok && m == Report {
			report(d, invalid)
			return nil
		}
		return err
	}
}

func (c *Catalogue) validateData(d effect.Data, plans *sync.Map) error {
	e := c.byName[d.EffectName()]
	if e == nil {
		return nil // not ours
	}
	k, err := c.compiled(e)
	if err != nil {
		return fmt.Errorf("schema: compiling the schema of %s: %w", d.EffectName(), err)
	}
	if k == nil {
		return nil // without a schema
	}
	text, err := json.Marshal(shallow(d, plans))
	if err != nil {
		return nil // content that renders only where it is sent, and the like
	}
	v, err := jsonread.Parse(text, jsonread.Limits{}) // what is raw JSON in Go need not be fit
	if err != nil {
		return syntaxProblem(err, "/args", d.EffectName())
	}
	value := v.Any()
	if err := k.args.Validate(value); err != nil {
		found := problems{c: c}
		if err := found.add(value, err, "/args", d.EffectName()); err != nil {
			return err
		}
		return found.err()
	}
	return nil
}

// shallow returns d without the lists nested in it.
func shallow(d effect.Data, plans *sync.Map) any {
	t := reflect.TypeOf(d)
	p, ok := plans.Load(t)
	if !ok {
		plan, err := core.NewPlan(t)
		if err != nil {
			return d
		}
		p, _ = plans.LoadOrStore(t, plan)
	}
	v, err := p.(*core.Plan).MapNested(d, func(list any) error {
		*list.(*effect.List) = nil
		return nil
	})
	if err != nil {
		return d
	}
	return v
}
