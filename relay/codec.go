package relay

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/sfere-go/sfere/internal/jsonread"
	"github.com/sfere-go/sfere/internal/plainjson"
	"github.com/sfere-go/sfere/sse"
)

// After its head a packet is the length of a JSON text, that text, and for each frame in
// the text its size and its bytes. So the text is the same for all that is sent to one
// address in one form, and need not be read again: see reader.

// wire is the JSON text of a packet.
type wire[B any] struct {
	Kind     string    `json:"kind"`
	To       Address   `json:"to,omitzero"`
	Exclude  Exclude   `json:"exclude,omitzero"`
	Deadline time.Time `json:"deadline,omitzero"`
	Report   bool      `json:"report,omitempty"`
	Trace    string    `json:"trace,omitempty"`
	Body     B         `json:"body,omitzero"`
}

type wireStep struct {
	Frames []wireFrame     `json:"frames,omitempty"`
	Effect json.RawMessage `json:"effect,omitempty"`
}

type wireFrame struct {
	Coalesce string       `json:"coalesce,omitempty"`
	Overflow sse.Overflow `json:"overflow,omitempty"`
	Version  uint64       `json:"version,omitempty"`
}

type wireBroadcast struct {
	Steps []wireStep `json:"steps"`
	Each  bool       `json:"each,omitempty"`
}

type wireKick struct {
	Why   []wireStep `json:"why,omitempty"`
	Until time.Time  `json:"until,omitzero"`
}

// maxDepth bounds how deep the JSON of an envelope nests.
const maxDepth = 1000

// codec writes and reads the bodies of packets. It may be used from any goroutine.
type codec struct{ types *jsonread.Types }

func newCodec() codec { return codec{jsonread.NewTypes(nil)} }

// encode returns a packet whose head is still to be written. A body is one of this
// package.
func (codec) encode(e Envelope) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	var body any = e.Body
	var frames []*sse.Frame
	switch b := e.Body.(type) {
	case Broadcast:
		body = wireBroadcast{wireSteps(b.Steps, &frames), b.Each}
	case Kick:
		body = wireKick{wireSteps(b.Why, &frames), b.Until}
	}
	text, err := plainjson.Marshal(wire[any]{e.Body.kind(), e.To, e.Exclude, e.Deadline, e.Report, e.Trace, body})
	if err != nil {
		return nil, err
	}
	size := headSize + 4 + len(text)
	for _, f := range frames {
		size += 4 + f.Len()
	}
	p := make([]byte, headSize, size)
	p = binary.BigEndian.AppendUint32(p, uint32(len(text)))
	p = append(p, text...)
	for _, f := range frames {
		p = binary.BigEndian.AppendUint32(p, uint32(f.Len()))
		p = append(p, f.Bytes()...)
	}
	return p, nil
}

func (e *Envelope) check() error {
	if e.Body == nil {
		return errors.New("it has no body")
	}
	if err := e.To.check(); err != nil {
		return err
	}
	if len(e.Trace) > MaxTrace {
		return fmt.Errorf("its trace has %d bytes, at most %d", len(e.Trace), MaxTrace)
	}
	for _, a := range e.Exclude.Matching {
		if err := a.check(); err != nil {
			return err
		}
	}
	return nil
}

func wireSteps(steps []Step, frames *[]*sse.Frame) []wireStep {
	out := make([]wireStep, len(steps))
	for i, s := range steps {
		out[i].Effect = s.Effect
		for _, f := range s.Frames {
			o := f.Options()
			out[i].Frames = append(out[i].Frames, wireFrame{o.Coalesce, o.Overflow, o.Version})
			*frames = append(*frames, f)
		}
	}
	return out
}

// errUnknownKind is the cause for a message of a kind that this node does not know.
var errUnknownKind = errors.New("this node does not know the kind")

// decode reads the body of a packet whose head has been read. What it does not know,
// it refuses by name: a message that is half understood is worse than one that is
// missed and told of.
func (c codec) decode(h head, p []byte) (Envelope, error) {
	text, frames, err := split(h, p)
	if err != nil {
		return Envelope{}, err
	}
	t, err := c.parse(text)
	if err != nil {
		return Envelope{}, err
	}
	return t.with(frames)
}

// split returns the text of a packet and what follows it.
func split(h head, p []byte) (text, frames []byte, err error) {
	if h.version != version {
		return nil, nil, fmt.Errorf("it is of version %d, and this node speaks %d", h.version, version)
	}
	p = p[headSize:]
	if len(p) < 4 || uint64(binary.BigEndian.Uint32(p)) > uint64(len(p)-4) {
		return nil, nil, errLargeJSON
	}
	n := int(binary.BigEndian.Uint32(p))
	return p[4 : 4+n], p[4+n:], nil
}

// parsed is the text of a packet: an envelope whose body has the steps still to come.
type parsed struct {
	e     Envelope
	steps []wireStep
}

// parse reads a text.
func (c codec) parse(text []byte) (t parsed, err error) {
	v, err := jsonread.Parse(text, jsonread.Limits{Bytes: maxEnvelope, Depth: maxDepth})
	if err != nil {
		return t, err
	}
	if v.Kind() != jsonread.Object || v.Get("kind").IsZero() || v.Get("kind").Kind() != jsonread.String {
		return t, errors.New("it has no kind")
	}
	switch kind := v.Get("kind").Text(); kind {
	case "broadcast":
		t.e, err = read(c, v, func(b wireBroadcast) Body {
			t.steps = b.Steps
			return Broadcast{Each: b.Each}
		})
	case "kick":
		t.e, err = read(c, v, func(b wireKick) Body {
			t.steps = b.Why
			return Kick{Until: b.Until}
		})
	case "refresh":
		t.e, err = read(c, v, as[Refresh])
	case "close":
		t.e, err = read(c, v, as[Close])
	case "admit":
		t.e, err = read(c, v, as[Admit])
	case "claim":
		t.e, err = read(c, v, as[Claim])
	case "claims":
		t.e, err = read(c, v, as[Claims])
	case "presence":
		t.e, err = read(c, v, as[Presence])
	case "interest":
		t.e, err = read(c, v, as[Interest])
	case "beat":
		t.e, err = read(c, v, as[beat])
	case "tails":
		t.e, err = read(c, v, as[tails])
	case "leave":
		t.e, err = read(c, v, as[leave])
	case "hello":
		t.e, err = read(c, v, as[hello])
	case "ask":
		t.e, err = read(c, v, as[question])
	case "answer":
		t.e, err = read(c, v, as[reply])
	default:
		return t, fmt.Errorf("%w %s", errUnknownKind, jsonread.Quote(kind))
	}
	if err == nil {
		err = t.e.check()
	}
	return t, err
}

// with returns the envelope with the frames that follow the text.
func (t parsed) with(frames []byte) (Envelope, error) {
	var err error
	switch b := t.e.Body.(type) {
	case Broadcast:
		b.Steps, err = steps(t.steps, &frames)
		t.e.Body = b
	case Kick:
		b.Why, err = steps(t.steps, &frames)
		t.e.Body = b
	}
	if err == nil && len(frames) > 0 {
		err = fmt.Errorf("%d bytes are left over", len(frames))
	}
	if err != nil {
		return Envelope{}, err
	}
	return t.e, nil
}

func as[B Body](b B) Body { return b }

// read reads the text of a packet whose body is a W.
func read[W any](c codec, v jsonread.Value, body func(W) Body) (e Envelope, err error) {
	w, err := into[wire[W]](c, v)
	if err != nil {
		return e, err
	}
	return Envelope{w.To, w.Exclude, w.Deadline, w.Report, w.Trace, body(w.Body)}, nil
}

// steps makes steps of their wire form, with frames from the bytes that follow.
func steps(in []wireStep, rest *[]byte) ([]Step, error) {
	out := make([]Step, len(in))
	for i, w := range in {
		out[i].Effect = w.Effect
		for _, f := range w.Frames {
			if len(*rest) < 4 || uint64(binary.BigEndian.Uint32(*rest)) > uint64(len(*rest)-4) {
				return nil, errLargeJSON
			}
			end := 4 + int(binary.BigEndian.Uint32(*rest))
			frame, err := sse.RawFrame((*rest)[4:end:end], &sse.FrameOptions{Coalesce: f.Coalesce, Overflow: f.Overflow, Version: f.Version})
			if err != nil {
				return nil, err
			}
			out[i].Frames, *rest = append(out[i].Frames, frame), (*rest)[end:]
		}
	}
	return out, nil
}

// into reads a JSON value into a T, which knows all its names.
func into[T any](c codec, v jsonread.Value) (t T, err error) {
	err = c.types.Decoder(nil).Decode(v, reflect.ValueOf(&t).Elem())
	return t, err
}
