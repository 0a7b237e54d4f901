package inspect

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sfere-go/sfere/internal/excerpt"
	"github.com/sfere-go/sfere/twk"
	"github.com/sfere-go/sfere/twk/attr"
)

//go:embed views/*.html style.css
var files embed.FS

// parseViews returns the templates, with functions for the addresses of in.
func parseViews(in *Inspector) *template.Template {
	funcs := attr.Funcs()
	for name, f := range map[string]any{
		"url":      in.url,
		"query":    url.QueryEscape,
		"sendlink": func(item string, seed uint64) string { return in.sendLink(item, seed, "") },
		"form":     func() *attr.Options { return &attr.Options{ContentType: "form"} },
		"only":     func(signals string) *attr.Options { return &attr.Options{Include: "^(" + signals + ")$"} },
		"clock":    func(t time.Time) string { return t.Format("15:04:05") },
		"milli":    func(t time.Time) string { return t.Format("15:04:05.000") },
		"iso":      func(t time.Time) string { return t.Format(time.RFC3339Nano) },
		"took":     took,
		"size":     sizeOf,
		"markup":   func(h twk.HTML) template.HTML { return template.HTML(h) },
	} {
		funcs[name] = f
	}
	return template.Must(template.New("").Funcs(funcs).ParseFS(files, "views/*.html"))
}

// view returns the content of a template.
func (in *Inspector) view(name string, data any) twk.Content {
	return twk.Template(in.views, name, data)
}

// patch returns the effect that patches a template into the page by its id.
func (in *Inspector) patch(name string, data any) twk.PatchElements {
	return twk.PatchElements{Elements: in.view(name, data)}
}

// page is what every page shows.
type page struct {
	Title   string // of this page
	Program string
	Tab     string
	Feed    string // what its stream follows
	Script  twk.HTML
	Counts  counts
	Signals map[string]any // that its stream is opened with
	Body    any
}

// withSignals is a body whose stream needs to know what it shows. The signals are set
// before the stream is opened, which those of inputs further down are not.
type withSignals interface{ signals() map[string]any }

// page returns the whole page with body in the tab's place. It follows what the
// tab shows.
func (in *Inspector) page(tab, title string, body any) twk.Response {
	return in.pageOf(tab, tab, title, body)
}

func (in *Inspector) pageOf(tab, feed, title string, body any) twk.Response {
	signals := map[string]any{}
	if b, ok := body.(withSignals); ok {
		signals = b.signals()
	}
	return twk.Page(in.view("page", page{
		Title: title, Program: in.opts.Title, Tab: tab, Feed: feed, Script: in.opts.Client.Script(), Counts: in.counts(), Signals: signals, Body: body,
	}))
}

// counts are the numbers beside the names of the tabs.
type counts struct {
	Items, Conns, Nodes, Views, Dispatches, Failed string
}

func (in *Inspector) counts() counts {
	c := counts{Items: strconv.Itoa(len(in.console.Describe()))}
	if n, err := in.conns.Count(everyone); err == nil {
		c.Conns = strconv.Itoa(n)
	}
	if nodes := in.conns.Nodes(); len(nodes) > 0 {
		c.Nodes = strconv.Itoa(len(nodes))
	}
	if _, views := in.conns.Views("", 0, -1); len(views) > 0 {
		c.Views = strconv.Itoa(sum(views))
	}
	if r := in.recorder; r != nil {
		stats := r.Stats()
		c.Dispatches = strconv.FormatUint(stats.Total, 10)
		if stats.Failed > 0 {
			c.Failed = strconv.FormatUint(stats.Failed, 10)
		}
	}
	return c
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, files, "style.css")
}

// maxText bounds how much of one value is shown, in bytes.
const maxText = 4 << 10

// text returns v as indented JSON for people, cut at limit bytes. It may hold
// anything and has to be escaped as everything else.
func text(v any, limit int) (s string) {
	defer func() {
		if p := recover(); p != nil { // a method of the value
			s = fmt.Sprintf("%T, which panics when it is marshalled: %v", v, p)
		}
	}()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Sprintf("%T, which has no JSON form: %v", v, err)
	}
	return cut(strings.TrimSuffix(b.String(), "\n"), limit)
}

// cut shortens s to about limit bytes and says so.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	first := excerpt.Of(s, limit, "")
	return first + fmt.Sprintf("\n… %s more", size(len(s)-len(first)))
}

// took returns d with three digits at most.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0"
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return digits(d, time.Microsecond) + " µs"
	case d < time.Second:
		return digits(d, time.Millisecond) + " ms"
	case d < time.Minute:
		return digits(d, time.Second) + " s"
	}
	return d.Round(time.Second).String()
}

func digits(d, unit time.Duration) string {
	v := float64(d) / float64(unit)
	switch {
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// size returns a number of bytes for people.
func size[N int | uint64](n N) string {
	switch v := float64(n); {
	case v < 1000:
		return fmt.Sprintf("%d B", n)
	case v < 1e6:
		return fmt.Sprintf("%.1f kB", v/1e3)
	case v < 1e9:
		return fmt.Sprintf("%.1f MB", v/1e6)
	default:
		return fmt.Sprintf("%.1f GB", v/1e9)
	}
}

// percent returns how much of whole part is, from 0 to 100.
func percent(part, whole time.Duration) string {
	if whole <= 0 {
		return "0"
	}
	return strconv.FormatFloat(min(100, max(0, 100*float64(part)/float64(whole))), 'f', 1, 64)
}

func sizeOf(n any) string {
	switch n := n.(type) {
	case int:
		return size(n)
	case int64:
		return size(int(n))
	case uint64:
		return size(n)
	}
	return fmt.Sprint(n)
}
