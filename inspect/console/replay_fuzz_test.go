package console_test

import (
	"encoding/json"
	"testing"

	"github.com/sfere-go/sfere/inspect/console"
	"github.com/sfere-go/sfere/inspect/record"
)

// Whatever is posted as a recording: a replay has an answer in JSON, says that it is the
// same only if it lists nothing, and runs nothing.
func FuzzReplay(f *testing.F) {
	rec := record.New(0)
	d := paying(rec, "1")
	c := console.New(d, nil, &console.Options[int]{Recorder: rec})
	f.Add(`{"version":1,"effects":[{"effect":"test/pay","args":{"secret":"a"}},{"effect":"test/ask"}],"recorded":{"steps":[{"path":"0","name":"test/pay","state":"failed","phase":"effect","error":"x"},{"path":"1","name":"test/ask","state":"skipped"}]}}`)
	f.Add(`{"version":1,"effects":[1,null,"x",{"effect":1},{"args":[]}],"recorded":{"steps":[{"path":"0","nested":[{"steps":[{"path":"0"}]}],"audience":true}]}}`)
	f.Add(`{"version":1,"effects":[{"effect":"effect/serial","args":{"key":"","effects":[{"effect":"test/ask"}]}}],"recorded":{"omitted":-1,"steps":[{"path":"0>*>0","value":"… 1 bytes left out","error":"[hidden][hidden]"}]}}`)
	f.Fuzz(func(t *testing.T, doc string) {
		r, err := console.ParseRecording([]byte(doc))
		if err != nil {
			return
		}
		out, err := c.Replay(t.Context(), r, console.Sender{})
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if _, err := json.Marshal(out); err != nil {
			t.Errorf("%q: %v", doc, err)
		}
		if out.Same != (len(out.Differences) == 0) || !out.Rehearsal.Dry {
			t.Errorf("%q: %+v", doc, out)
		}
		if n := rec.Stats().Total; n != 0 {
			t.Errorf("%q: %d dispatches are in the log", doc, n)
		}
	})
}
