package sfere

import (
	"fmt"
	"strings"
)

// Topic is what something in the state is about, such as "board/7". Topics are
// levels below each other: what concerns "board" concerns "board/7". Make one with
// [T].
type Topic string

// T returns the topic of parts, each a level below the one before. Parts are written
// as fmt.Sprint does; "%" and "/" in them are escaped.
//
//	sfere.T("board", 7) // board/7
func T(parts ...any) Topic {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		text, ok := p.(string)
		if !ok {
			text = fmt.Sprint(p)
		}
		for i := range len(text) { // a strings.Replacer would have to be made first, each time
			switch text[i] {
			case '%':
				b.WriteString("%25")
			case '/':
				b.WriteString("%2F")
			default:
				b.WriteByte(text[i])
			}
		}
	}
	return Topic(b.String())
}

// above returns the topic one level above t, empty if there is none.
func (t Topic) above() Topic {
	i := strings.LastIndexByte(string(t), '/')
	if i < 0 {
		return ""
	}
	return t[:i]
}
