package inspect

import (
	"strconv"
	"strings"

	"github.com/sfere-go/sfere"
	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/internal/excerpt"
)

// keyText is a key as people read it, perhaps of a stream.
type keyText struct {
	Text  string // see sfere.Key.Readable; of a long one the beginning
	Exact string // the form for patterns; of a long one the beginning
	Conn  uint64 // the stream, 0 for none
}

// maxKey bounds what is shown of a key, in bytes. There are no links for one that
// is longer, as a page has many.
const maxKey = 256

func keyTextOf(k sfere.Key) keyText {
	return keyText{Text: short(k.Readable(), maxKey), Exact: short(k.String(), maxKey)}
}

// streamText is keyText for a stream that a dry run names.
func streamText(s console.Stream) keyText {
	t := keyText{Text: short(s.Key, maxKey), Exact: short(s.Key, maxKey)}
	if k, err := sfere.ParseKey(s.Key); err == nil {
		t = keyTextOf(k)
	}
	t.Conn = s.Conn
	if t.Text == "" {
		t.Text = "a stream"
		if s.Conn != 0 {
			t.Text = "stream " + strconv.FormatUint(s.Conn, 10)
			t.Conn = 0
		}
	}
	return t
}

// readable returns the text form of a key or a pattern as people read it, and other
// text as it is. Parts that are left out stay so.
func readable(text string) string {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return text
	}
	for i, p := range parts {
		if p == "" || p == "*" {
			continue
		}
		k, err := sfere.ParseKey("s/c/" + p)
		if err != nil {
			return text
		}
		parts[i] = strings.TrimPrefix(k.Readable(), "s/c/")
	}
	return strings.Join(parts, "/")
}

// short returns the beginning of a text that is longer than limit bytes.
func short(s string, limit int) string { return excerpt.Of(s, limit, "…") }
