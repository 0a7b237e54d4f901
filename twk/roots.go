package twk

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// spread puts something between the top nodes of SVG or MathML, without which
// the client loses every second one: it moves the nodes out of the list that it
// walks, and so takes the first, the third and so on. Blank lines between roots
// count as something, and in front of them as a node that takes their place.
//
// spread changes nothing inside of a node. What it puts between them is a line
// break where there was one, and an empty comment elsewhere, which no client
// shows.
func spread(markup string) string {
	s := spreader{}
	z := html.NewTokenizer(strings.NewReader(markup))
	read := 0
	for {
		foreign := s.foreign()
		z.AllowCDATA(foreign)
		t := z.Next()
		raw := string(z.Raw()) // the tokenizer writes into it later
		if t == html.ErrorToken {
			break
		}
		read += len(raw)
		s.token(z, t, raw, foreign)
		if foreign {
			z.NextIsNotRawText()
		}
	}
	s.out.WriteString(markup[read:]) // the beginning of a tag
	return s.out.String()
}

// spreader collects the top nodes of markup.
type spreader struct {
	out  strings.Builder
	open []string // names of the elements around what comes next
	last html.TokenType
	any  bool // there is a node in out
	line bool // there was a line break since the last node
}

// token takes the next piece of the markup. foreign is whether it stands in SVG
// or MathML.
func (s *spreader) token(z *html.Tokenizer, t html.TokenType, raw string, foreign bool) {
	if len(s.open) == 0 {
		switch {
		case t == html.TextToken && strings.TrimSpace(raw) == "" && strings.Contains(raw, "\n"):
			s.line = true
			return
		case t == html.DoctypeToken: // no node
			return
		case t != html.EndTagToken: // one without its start is no node
			s.separate(t)
		}
	}
	s.out.WriteString(raw)
	if t != html.StartTagToken && t != html.EndTagToken && t != html.SelfClosingTagToken {
		return
	}
	b, _ := z.TagName()
	name := string(b)
	switch {
	case t == html.EndTagToken:
		for i, open := range slices.Backward(s.open) {
			if open == name {
				s.open = s.open[:i]
				break
			}
		}
	case foreign && t == html.SelfClosingTagToken, !foreign && void[name]:
	default: // HTML knows no self-closing elements
		s.open = append(s.open, name)
	}
}

// separate begins a node.
func (s *spreader) separate(t html.TokenType) {
	switch {
	case !s.any, s.last == html.TextToken && t == html.TextToken && !s.line: // one node
	case s.line:
		s.out.WriteByte('\n')
	default:
		s.out.WriteString("<!---->")
	}
	s.any, s.line, s.last = true, false, t
}

// foreign reports whether the innermost element holds SVG or MathML.
func (s *spreader) foreign() bool {
	for _, name := range slices.Backward(s.open) {
		switch name {
		case "svg", "math":
			return true
		case "foreignobject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext":
			return false
		}
	}
	return true
}

// void are the elements of HTML that have no end.
var void = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true, "link": true, "meta": true,
	"source": true, "track": true, "wbr": true,
}
