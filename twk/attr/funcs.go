package attr

import (
	"html/template"
	"strings"

	"github.com/sfere-go/sfere/twk"
)

// Funcs returns functions of this package for html/template: get, post, put,
// patch, delete and stream with a URL and optional *Options, js, byID,
// elementID, datastar, the script tag, and status, a whole attribute. The results
// of the others fit into every double-quoted attribute:
//
//	<button data-on:click="{{post "/send"}}" {{status "_send"}}>
//
// The map belongs to the caller.
func Funcs() template.FuncMap {
	m := template.FuncMap{
		"js":        func(v any) template.JS { return template.JS(twk.JS(v)) },
		"byID":      twk.ByID,
		"elementID": twk.ElementID,
		"status":    func(signal string) template.HTMLAttr { return Status(signal).HTML() },
		"datastar": func(src ...string) template.HTML {
			return template.HTML(twk.Client{URL: strings.Join(src, "")}.Script())
		},
	}
	actions := map[string]func(string, *Options) string{
		"get": Get, "post": Post, "put": Put, "patch": Patch, "delete": Delete, "stream": StreamAction,
	}
	for name, f := range actions {
		m[name] = func(url string, o ...*Options) template.JS {
			if len(o) == 0 {
				return template.JS(f(url, nil))
			}
			return template.JS(f(url, o[0]))
		}
	}
	return m
}
