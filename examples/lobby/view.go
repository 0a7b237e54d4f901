package main

import (
	"embed"
	"html/template"
	"net/url"

	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

//go:embed page.html style.css
var files embed.FS

var views = template.Must(template.New("").Funcs(template.FuncMap{"itemID": itemID, "stream": stream, "status": status, "focus": focus}).ParseFS(files, "page.html"))

// itemID is an element id for any name.
func itemID(name string) string { return twk.ElementID("p", name) }

// stream is the attribute that opens the stream of the page, which shows what was said
// up to a message. It stays open while the page is hidden.
func stream(seen string) template.HTMLAttr {
	return attr.Stream("/sse?after="+url.QueryEscape(seen), &attr.Options{OpenWhenHidden: new(true)}).HTML()
}

// status is the attribute of an element that sends requests: a signal says whether
// they get through.
func status(signal string) template.HTMLAttr { return attr.Status(signal).HTML() }

// focus is the attribute of a field that gets the focus when it appears, so that a
// keyboard or a screen reader goes on where the page does. The autofocus of HTML does
// so only when a page is loaded.
func focus() template.HTMLAttr { return attr.Init("el.focus()").HTML() }

func view(name string, data any) twk.Content { return twk.Template(views, name, data) }

// page is what differs between runs and visitors.
type page struct {
	Script template.HTML // the tag that loads the Datastar client
	In     bool          // the visitor has joined
	Room   room
}

// room is what the lobby shows when it is rendered.
type room struct {
	Lines []line
	Seen  string // the id of the last one
}

func (s *server) room() room {
	lines := s.talk.after("")
	if len(lines) == 0 {
		return room{}
	}
	return room{lines, lines[len(lines)-1].ID}
}

func add(selector, name string, data any) twk.PatchElements {
	return twk.Append(selector, view(name, data))
}

func replace(selector, name string, data any) twk.PatchElements {
	return twk.Replace(selector, view(name, data))
}

func note(id, name, did string) twk.PatchElements {
	return add("#messages", "note", [3]string{id, name, did})
}

func problem(text string) twk.PatchElements { return twk.Patch(view("error", text)) }
