package relay

// reader reads packets. It remembers the last texts, because those of a room differ in
// their frames only. Equal bytes have passed the same checks. It belongs to one
// goroutine.
type reader struct {
	codec
	known map[string]parsed
}

const (
	// maxKnown bounds the texts that are remembered; when there are more, all are
	// forgotten.
	maxKnown = 256
	// maxKnownText is how long such a text may be, in bytes.
	maxKnownText = 512
)

func newReader(c codec) reader { return reader{c, map[string]parsed{}} }

// decode is that of the codec.
func (r reader) decode(h head, p []byte) (Envelope, error) {
	text, frames, err := split(h, p)
	if err != nil {
		return Envelope{}, err
	}
	t, ok := r.known[string(text)]
	if !ok {
		if t, err = r.parse(text); err != nil {
			return Envelope{}, err
		}
		if len(text) <= maxKnownText && !ours(t.e.Body) {
			if len(r.known) >= maxKnown {
				clear(r.known)
			}
			r.known[string(text)] = t
		}
	}
	return t.with(frames)
}
