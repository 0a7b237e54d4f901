// Package attr writes the attributes and expressions by which a page talks to the
// Datastar client: what opens a stream, what a click sends, which signals there
// are.
//
//	page := `<body ` + attr.Stream("/live", nil).String() + `>
//		<button ` + attr.On("click", attr.Post("/like", nil)).String() + `>Like</button>`
//
// Everything fits into a double-quoted attribute as it is. No text ends the
// expression or the attribute, wherever it comes from; see [twk.JS] for values of
// the program's own expressions. [Attr] has a form for html/template, templ and
// gomponents, and [Funcs] has functions for html/template.
package attr
