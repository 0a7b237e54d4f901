package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/sfere-go/sfere/inspect/record"
)

// RecordingVersion is the version of the recordings that [Console.Export] writes and
// [ParseRecording] reads.
const RecordingVersion = 1

// Recording is a recorded dispatch on its own, as a document that outlives the program:
// what was dispatched, and what came of it. Secrets are hidden in it as in the recorder.
type Recording struct {
	Version int     `json:"version"` // RecordingVersion
	Program Program `json:"program,omitzero"`
	// Effects are the items as they were dispatched, in wire form and with their late
	// values as references. One of which nothing is kept is null.
	Effects []json.RawMessage `json:"effects"`
	// Left says where Effects are not what was dispatched.
	Left []LeftOut `json:"leftOut,omitempty"`
	// Ctx is what JSON has of the Ctx. It is kept with [record.Options].Ctx only.
	Ctx json.RawMessage `json:"ctx,omitempty"`
	// Dispatch is when it ran, where it came from, and what every item became:
	// outcomes, errors, what was skipped, and continuations.
	Dispatch Dispatch `json:"recorded"`
}

// Program is the program that has recorded something, as it was built. Fields that are
// not known are empty.
type Program struct {
	Path     string `json:"path,omitempty"`    // of its main package
	Version  string `json:"version,omitempty"` // of its module
	Revision string `json:"revision,omitempty"`
}

// LeftOut says that one item of [Recording].Effects is not what was dispatched.
type LeftOut struct {
	Effect int    `json:"effect"` // its place in Effects
	Why    string `json:"why"`
}

// Export returns the recorded dispatch with this number as a document. The cause of an
// error is [ErrNotOffered], [ErrNotKept] or [ErrRunning].
func (c *Console) Export(seq uint64) (Recording, error) {
	op := fmt.Sprint("export dispatch ", seq)
	if c.recorder == nil {
		return Recording{}, failed(op, ErrNotOffered)
	}
	d, ok := c.recorder.Get(seq)
	switch {
	case !ok:
		return Recording{}, failed(op, ErrNotKept)
	case d.Running:
		return Recording{}, failed(op, ErrRunning)
	case len(d.Given) == 0:
		return Recording{}, failed(op, fmt.Errorf("it continues dispatch %d, and what that was given is gone: %w", d.Parent, ErrNotKept))
	}
	return recordingOf(d), nil
}

// recordingOf returns d as a document.
func recordingOf(d record.Dispatch) Recording {
	out := Recording{Version: RecordingVersion, Program: thisProgram(), Effects: []json.RawMessage{}, Ctx: d.Ctx, Dispatch: dispatchOf(d)}
	for i, g := range d.Given {
		text := itemJSON(g.Item)
		for _, why := range []struct {
			is   bool
			text string
		}{
			{text == nil && g.Omitted > 0, fmt.Sprintf("%d bytes of data: there was no room for it", g.Omitted)},
			{text == nil && g.Omitted == 0, "it has no wire form"},
			{text != nil && g.Omitted > 0, fmt.Sprintf("%d bytes of data were too many to keep", g.Omitted)},
			{g.Hidden > 0, fmt.Sprintf("%d secrets are hidden", g.Hidden)},
			{broken(text), "it has bytes that are not UTF-8, which JSON cannot carry"},
		} {
			if why.is {
				out.Left = append(out.Left, LeftOut{i, why.text})
			}
		}
		if text == nil {
			text = json.RawMessage("null")
		}
		out.Effects = append(out.Effects, text)
	}
	if d.More > 0 {
		out.Left = append(out.Left, LeftOut{len(d.Given), fmt.Sprintf("%d more items were dispatched", d.More)})
	}
	return out
}

// broken reports whether JSON stands for bytes that are not UTF-8: for one, it has the
// escape of U+FFFD, and for the character itself, the character.
func broken(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return false
		}
		if bytes.HasPrefix(text[i:], []byte(`\ufffd`)) {
			return true
		}
		text = text[i+2:]
	}
}

// thisProgram says which program this is.
func thisProgram() (p Program) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	p.Path, p.Version = info.Path, info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			p.Revision = s.Value
		}
	}
	return p
}

// ParseRecording reads what [Console.Export] has written, as JSON. What is in it may come
// from anywhere: nothing but its form is checked.
func ParseRecording(text []byte) (Recording, error) {
	const op = "read recording"
	var r Recording
	if err := json.Unmarshal(text, &r); err != nil {
		return Recording{}, failed(op, err)
	}
	switch {
	case r.Version == 0:
		return Recording{}, failed(op, errors.New(`"version" is missing: want a document that sfere export has written`))
	case r.Version != RecordingVersion:
		return Recording{}, failed(op, fmt.Errorf("its version is %d, and this reads version %d: use the sfere that goes with the program that wrote it", r.Version, RecordingVersion))
	case len(r.Effects) == 0:
		return Recording{}, failed(op, errors.New("no item is in it: there is nothing to run"))
	case len(r.Effects) > record.MaxEntries || entries(r.Dispatch) > maxEntries:
		return Recording{}, failed(op, errors.New("it has more in it than a recorder keeps of one dispatch"))
	}
	return r, nil
}

// maxEntries bounds the steps and continuations of a recording. A recorder keeps fewer.
const maxEntries = 2 * record.MaxEntries

// entries counts the steps and continuations of d.
func entries(d Dispatch) int {
	n := len(d.Steps) + len(d.Nested)
	for _, s := range d.Steps {
		n += len(s.Nested)
		for _, inner := range s.Nested {
			n += entries(inner)
		}
	}
	for _, inner := range d.Nested {
		n += entries(inner)
	}
	return n
}
