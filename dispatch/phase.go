package dispatch

import "github.com/sfere-go/sfere/effect"

// The phases in which an error of a dispatch can arise.
const (
	PhaseLookup      effect.Phase = "lookup"      // no such name, nil item, wrong kind
	PhaseDecode      effect.Phase = "decode"      // arguments in wire form do not fit the type
	PhaseValidate    effect.Phase = "validate"    // refused by the validator
	PhasePlaceholder effect.Phase = "placeholder" // a late value could not be resolved
	PhaseState       effect.Phase = "state"       // a registry's state function failed
	PhaseSerial      effect.Phase = "serial"      // the key of a Serial is unfit, or must not be waited for
	PhaseExpand      effect.Phase = "expand"      // an action failed
	PhaseInterceptor effect.Phase = "interceptor" // an interceptor failed
	PhaseEffect      effect.Phase = "effect"      // an effect handler failed
	PhaseLimit       effect.Phase = "limit"       // expansion depth, item budget or continuation depth
	PhaseCancel      effect.Phase = "cancel"      // the context ended before everything ran
)
