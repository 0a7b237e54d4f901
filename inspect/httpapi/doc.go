// Package httpapi serves a [console.Console] as JSON over HTTP: to the sfere
// command, under the inspector page, and to scripts.
//
//	mux.Handle("/inspect/api/", http.StripPrefix("/inspect/api", httpapi.New(c, nil)))
//
//	GET  /describe?kind=effect&name=twk/patch-elements
//	GET  /grep?q=text          or  /grep?re=expression
//	GET  /sample?name=twk/patch-elements&n=3&seed=1
//	GET  /schemas              or  /schemas?name=twk/patch-elements
//	GET  /ctx
//	GET  /connections?pattern=*/lobby/*
//	GET  /dispatches?n=20      the last ones, newest first
//	GET  /dispatches?failed=true&name=twk/&q=text
//	GET  /dispatches/7         one of them, with everything that it did
//	GET  /events?key=default/lobby/ann            what its streams were sent: when, how much, what became of it
//	GET  /watch?key=default/lobby/ann&text=true   server-sent events: what they are sent now, and what it says
//	GET  /failures?n=20        what failed lately, equal failures once
//	POST /validate             a list of effects
//	POST /dry-run              a list, or {"to": pattern, "effects": list}
//	POST /send                 the same
//
// By default only requests from this machine that show the token of the console
// are answered, and /send and text=true are refused; see [Options].Guard. To see what streams say
// takes [Watch], and console.Options.Watch. The header for it is
// "Authorization: Bearer <token>". Errors are {"error": text, "problems": [...]}, the latter
// for texts that do not fit their schemas, with status 422. What the program does
// not offer is answered 501.
package httpapi
