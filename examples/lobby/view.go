package main

import (
	"embed"
	"html/template"
	"net/http"

	"github.com/sfere-go/sfere/twk"
)

//go:embed page.html style.css
var files embed.FS

var views = template.Must(template.New("").Funcs(template.FuncMap{"itemID": itemID}).ParseFS(files, "page.html"))

// itemID is an element id for any name.
func itemID(name string) string { return twk.ElementID("p", name) }

func view(name string, data any) twk.Content { return twk.Template(views, name, data) }

// page is what differs between runs and visitors.
type page struct {
	Script, Integrity string       // where the client script comes from
	js                http.Handler // serves Script, if it is ours
	In                bool         // the visitor has joined
}

func (p page) assets(mux *http.ServeMux) {
	mux.Handle("GET /style.css", http.FileServerFS(files))
	if p.js != nil {
		mux.Handle("GET "+p.Script, p.js)
	}
}

func note(text string) twk.PatchElements {
	return twk.PatchElements{Elements: view("note", text), Selector: "#messages", Mode: twk.Append}
}

func problem(text string) twk.PatchElements { return twk.PatchElements{Elements: view("error", text)} }

func replace(selector, by string) twk.PatchElements {
	return twk.PatchElements{Elements: view(by, nil), Selector: selector, Mode: twk.Replace}
}
