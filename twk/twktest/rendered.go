package twktest

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/twk"
)

// Rendered returns an option for comparing effects with package cmp. Contents,
// such as templ components, gomponents nodes, templates and [twk.HTML], are equal
// if they render equal markup, which the report of cmp.Diff shows. No content is
// the same as content without markup. Content that fails to render equals
// nothing. Content for each recipient is rendered for nobody in particular.
func Rendered() cmp.Option {
	return cmp.Transformer("twktest.Rendered", func(c twk.Content) any {
		if c == nil {
			return ""
		}
		markup, err := render(c)
		if err != nil {
			return unrendered{err.Error()}
		}
		return markup
	})
}

// unrendered is what stands for content that failed to render.
type unrendered struct{ Error string }

// Equal reports false: two failures have nothing in common.
func (unrendered) Equal(unrendered) bool { return false }

func render(c twk.Content) (markup string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var b strings.Builder
	err = c.Render(context.Background(), &b)
	return b.String(), err
}
