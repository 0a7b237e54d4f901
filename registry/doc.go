// Package registry makes named collections of effects, actions, placeholders
// and interceptors, and composes collections that were written against
// different Ctx types.
//
//	app := registry.New("app",
//		effect.Handle("Post a message to a channel.", post),
//		effect.Expand[App]("Tell everybody.", tellAll),
//	)
//	all := registry.Join(app, registry.Lift(twk.Registry(nil), func(a *App) *twk.Session { return &a.Session }))
//
// A Registry is an immutable value. Whatever is wrong with it is reported by
// dispatch.New, or earlier by [Registry.Err].
package registry
