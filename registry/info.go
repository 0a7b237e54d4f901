package registry

import (
	"maps"

	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
)

// infoOf returns the public description of e, as a copy.
func infoOf(e *core.Entry) effect.Info {
	i := effect.Info{
		Name: e.Name, Doc: e.Doc, Site: e.Site, Registry: e.Registry, Type: e.Type, Result: e.Result,
		State: e.StateType, Ctx: e.CtxType, Reach: effect.Reach(e.Reach), Shared: e.Shared, Dry: e.Dry,
		Meta: maps.Clone(e.Meta), HasLate: e.Plan.HasLate(),
	}
	switch e.Kind {
	case core.Effect:
		i.Kind = "effect"
	case core.Action:
		i.Kind = "action"
	case core.Placeholder:
		i.Kind = "placeholder"
	}
	for _, x := range e.Examples {
		data, _ := x.(effect.Data)
		i.Examples = append(i.Examples, data)
	}
	return i
}
