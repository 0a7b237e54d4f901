package twk

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io"
	"runtime/debug"

	"github.com/sfere-go/sfere/effect"
)

// Content is markup that can be rendered: an [HTML], a templ component, or what
// [Node], [Template] and [PerRecipient] return. Render may be called from any
// goroutine, once per dispatch, and writes trusted HTML to w.
type Content interface {
	Render(ctx context.Context, w io.Writer) error
}

// HTML is markup as it is. It is trusted: what users typed must have been
// escaped, as html.EscapeString and template engines do.
type HTML string

// Render writes h.
func (h HTML) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(h))
	return err
}

// Node returns the content of a gomponents node, or of anything else that
// renders itself without a context.
func Node(n interface{ Render(io.Writer) error }) Content { return node{n} }

type node struct {
	n interface{ Render(io.Writer) error }
}

func (n node) Render(_ context.Context, w io.Writer) error {
	if n.n == nil {
		return nil
	}
	return n.n.Render(w)
}

// Template returns the content of the template called name in t; an empty name
// means t itself. data is read when the content is rendered.
func Template(t *template.Template, name string, data any) Content { return tmpl{t, name, data} }

// Equal makes nodes comparable in tests, by what they render.
func (n node) Equal(o node) bool { return sameMarkup(n, o) }

type tmpl struct {
	t    *template.Template
	name string
	data any
}

func (t tmpl) Render(_ context.Context, w io.Writer) error {
	if t.name == "" {
		return t.t.Execute(w, t.data)
	}
	return t.t.ExecuteTemplate(w, t.name, t.data)
}

// Equal makes templates comparable in tests, by what they render.
func (t tmpl) Equal(o tmpl) bool { return sameMarkup(t, o) }

// PerRecipient returns content that a broadcast renders for each recipient,
// with a context that carries the recipient. Content that calls
// sfere.RecipientOf is rendered for each without it; PerRecipient saves the
// trial.
func PerRecipient(c Content) Content { return perRecipient{c} }

// PerRecipientFunc is [PerRecipient] for a function that chooses the content.
func PerRecipientFunc(f func(ctx context.Context) Content) Content {
	return perRecipient{contentFunc(f)}
}

type perRecipient struct{ Content }

// Equal makes such content comparable in tests, by what it renders for nobody.
func (p perRecipient) Equal(o perRecipient) bool { return sameMarkup(p.Content, o.Content) }

type contentFunc func(ctx context.Context) Content

func (f contentFunc) Render(ctx context.Context, w io.Writer) error {
	c := f(ctx)
	if c == nil {
		return nil
	}
	return c.Render(ctx, w)
}

// isPerRecipient reports whether any of cs is rendered for each recipient.
func isPerRecipient(cs ...Content) bool {
	for _, c := range cs {
		if _, ok := c.(perRecipient); ok {
			return true
		}
	}
	return false
}

// render returns the markup of c; a nil c is empty. A panic is an error.
func render(ctx context.Context, c Content) (s string, err error) {
	if h, ok := c.(HTML); ok || c == nil {
		return string(h), nil
	}
	defer func() {
		if p := recover(); p != nil {
			s, err = "", fmt.Errorf("rendering: %w", &effect.PanicError{Value: p, Stack: debug.Stack()})
		}
	}()
	var b bytes.Buffer
	if err := c.Render(ctx, &b); err != nil {
		return "", fmt.Errorf("rendering: %w", err)
	}
	return b.String(), nil
}

// sameMarkup reports whether a and b render, and the same.
func sameMarkup(a, b Content) bool {
	x, errX := render(context.Background(), a)
	y, errY := render(context.Background(), b)
	return errX == nil && errY == nil && x == y
}
