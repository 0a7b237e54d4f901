package twk

import (
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// isHTML reports whether the body that h announces is a page.
func isHTML(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind == "text/html" || kind == "application/xhtml+xml"
}

// withRootAttrs sets attributes of the first element of markup, which may have
// a doctype and comments before it, and touches nothing else. Markup that
// begins with text has no root element and stays as it is.
func withRootAttrs(markup string, attrs map[string]string) string {
	if len(attrs) == 0 {
		return markup
	}
	z := html.NewTokenizer(strings.NewReader(markup))
	for at := 0; ; at += len(z.Raw()) {
		switch z.Next() {
		case html.DoctypeToken, html.CommentToken:
		case html.TextToken:
			if strings.TrimSpace(strings.TrimPrefix(string(z.Raw()), "\ufeff")) != "" {
				return markup
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			// Raw is read first: Token lower-cases the name in place.
			raw := string(z.Raw())
			return markup[:at] + rootTag(raw, z.Token(), attrs) + markup[at+len(raw):]
		default:
			return markup
		}
	}
}

// rootTag returns the tag raw with attrs set.
func rootTag(raw string, tag html.Token, attrs map[string]string) string {
	own := make(map[string]string, len(attrs))
	for name, value := range attrs {
		own[strings.ToLower(name)] = value
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(own)) {
		b.WriteString(" " + name + `="` + html.EscapeString(own[name]) + `"`)
	}
	clash := func(a html.Attribute) bool {
		_, ok := own[a.Key]
		return ok
	}
	// The name in Data may be longer than in raw: it has U+FFFD in place of NUL.
	if end := strings.IndexAny(raw, " \t\r\n\f/>"); !slices.ContainsFunc(tag.Attr, clash) {
		return raw[:end] + b.String() + raw[end:]
	}
	tag.Attr = slices.DeleteFunc(tag.Attr, clash)
	text := tag.String()
	end := 1 + len(tag.Data)
	return text[:end] + b.String() + text[end:]
}
