package main

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"github.com/sfere-go/sfere/twk"
)

//go:embed page.html style.css
var files embed.FS

var views = template.Must(template.New("").Funcs(template.FuncMap{"itemID": itemID}).ParseFS(files, "page.html"))

// itemID is a valid element id and selector for any name.
func itemID(name string) string { return fmt.Sprintf("p-%x", sha256.Sum256([]byte(name)))[:18] }

func view(name string, data any) twk.Content { return twk.Template(views, name, data) }

// page is what differs between runs: where the client script comes from.
type page struct {
	Script, Integrity string
	js                http.Handler // serves Script, if it is ours
	In                bool         // the visitor has joined
}

func (p page) render(in bool) twk.Content {
	p.In = in
	return view("page", p)
}

func (p page) assets(mux *http.ServeMux) {
	mux.Handle("GET /style.css", http.FileServerFS(files))
	if p.js != nil {
		mux.Handle("GET "+p.Script, p.js)
	}
}

func participants(names ...string) twk.Content { return view("participants", names) }

func bubble(name, text string) twk.Content {
	return view("bubble", map[string]string{"Name": name, "Text": text})
}

func note(text string) twk.PatchElements {
	return twk.PatchElements{Elements: view("note", text), Selector: "#messages", Mode: twk.Append}
}

func problem(text string) twk.PatchElements { return twk.PatchElements{Elements: view("error", text)} }

func replace(selector, by string) twk.PatchElements {
	return twk.PatchElements{Elements: view(by, nil), Selector: selector, Mode: twk.Replace}
}
