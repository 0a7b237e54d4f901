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

// After its head a packet is the length of a JSON text, that text, and the bytes of
// the frames that the text tells the sizes of.

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
	Size     int          `json:"size"`
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

// maxTrace bounds Envelope.Trace in bytes.
const maxTrace = 512

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
		size += f.Len()
	}
	p := make([]byte, headSize, size)
	p = binary.BigEndian.AppendUint32(p, uint32(len(text)))
	p = append(p, text...)
	for _, f := range frames {
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
	if len(e.Trace) > maxTrace {
		return fmt.Errorf("its trace has %d bytes, at most %d", len(e.Trace), maxTrace)
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
			out[i].Frames = append(out[i].Frames, wireFrame{f.Len(), o.Coalesce, o.Overflow, o.Version})
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
func (c codec) decode(h head, p []byte) (e Envelope, err error) {
	if h.version != version {
		return e, fmt.Errorf("it is of version %d, and this node speaks %d", h.version, version)
	}
	p = p[headSize:]
	if len(p) < 4 || uint64(binary.BigEndian.Uint32(p)) > uint64(len(p)-4) {
		return e, errLargeJSON
	}
	n := int(binary.BigEndian.Uint32(p))
	text, frames := p[4:4+n], p[4+n:]
	v, err := jsonread.Parse(text, jsonread.Limits{Bytes: maxEnvelope, Depth: maxDepth})
	if err != nil {
		return e, err
	}
	if v.Kind() != jsonread.Object || v.Get("kind").IsZero() || v.Get("kind").Kind() != jsonread.String {
		return e, errors.New("it has no kind")
	}
	switch kind := v.Get("kind").Text(); kind {
	case "broadcast":
		e, err = read(c, v, func(b wireBroadcast) (Body, error) {
			steps, err := steps(b.Steps, &frames)
			return Broadcast{steps, b.Each}, err
		})
	case "kick":
		e, err = read(c, v, func(b wireKick) (Body, error) {
			steps, err := steps(b.Why, &frames)
			return Kick{steps, b.Until}, err
		})
	case "refresh":
		e, err = read(c, v, as[Refresh])
	case "close":
		e, err = read(c, v, as[Close])
	case "admit":
		e, err = read(c, v, as[Admit])
	case "claim":
		e, err = read(c, v, as[Claim])
	case "release":
		e, err = read(c, v, as[Release])
	case "presence":
		e, err = read(c, v, as[Presence])
	case "beat":
		e, err = read(c, v, as[beat])
	case "tails":
		e, err = read(c, v, as[tails])
	case "leave":
		e, err = read(c, v, as[leave])
	case "hello":
		e, err = read(c, v, as[hello])
	case "ask":
		e, err = read(c, v, as[question])
	case "answer":
		e, err = read(c, v, as[reply])
	default:
		return e, fmt.Errorf("%w %s", errUnknownKind, jsonread.Quote(kind))
	}
	if err == nil && len(frames) > 0 {
		err = fmt.Errorf("%d bytes are left over", len(frames))
	}
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return Envelope{}, err
	}
	return e, nil
}

func as[B Body](b B) (Body, error) { return b, nil }

// read reads the text of a packet whose body is a W.
func read[W any](c codec, v jsonread.Value, body func(W) (Body, error)) (e Envelope, err error) {
	w, err := into[wire[W]](c, v)
	if err != nil {
		return e, err
	}
	e = Envelope{w.To, w.Exclude, w.Deadline, w.Report, w.Trace, nil}
	e.Body, err = body(w.Body)
	return e, err
}

// steps makes steps of their wire form, with frames from the bytes that follow.
func steps(in []wireStep, rest *[]byte) ([]Step, error) {
	out := make([]Step, len(in))
	for i, w := range in {
		out[i].Effect = w.Effect
		for _, f := range w.Frames {
			if f.Size < 0 || f.Size > len(*rest) {
				return nil, errLargeJSON
			}
			frame, err := sse.RawFrame((*rest)[:f.Size:f.Size], &sse.FrameOptions{Coalesce: f.Coalesce, Overflow: f.Overflow, Version: f.Version})
			if err != nil {
				return nil, err
			}
			out[i].Frames, *rest = append(out[i].Frames, frame), (*rest)[f.Size:]
		}
	}
	return out, nil
}

// into reads a JSON value into a T, which knows all its names.
func into[T any](c codec, v jsonread.Value) (t T, err error) {
	err = c.types.Decoder(nil).Decode(v, reflect.ValueOf(&t).Elem())
	return t, err
}
