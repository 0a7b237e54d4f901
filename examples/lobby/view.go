package main

import (
	"embed"
	"html/template"

	"github.com/sfere-go/sfere/internal/datastarjs"
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
	datastarjs.Source      // of the client script
	In                bool // the visitor has joined
}

func add(selector, name string, data any) twk.PatchElements {
	return twk.PatchElements{Elements: view(name, data), Selector: selector, Mode: twk.Append}
}

func replace(selector, name string) twk.PatchElements {
	return twk.PatchElements{Elements: view(name, nil), Selector: selector, Mode: twk.Replace}
}

func note(text string) twk.PatchElements { return add("#messages", "note", text) }

func problem(text string) twk.PatchElements { return twk.PatchElements{Elements: view("error", text)} }
